import { Duplex } from "node:stream";
import { BoundedPeerMemory, SmtpSession } from "smtp-pipelining";
import { expect, test } from "vitest";

// A server that never stops talking. It is heard only as far as the limits go.

/** A connection that says the first part when it is told something, then the others for as long as somebody listens. */
class Talker extends Duplex {
  said = 0;
  readonly #words: Iterator<string>;
  #held: boolean;

  constructor(greeting: string, words: Iterator<string>) {
    super({ allowHalfOpen: true });
    this.#words = words;
    this.#held = greeting !== "";
    if (this.#held) this.push(greeting);
  }

  override _read(): void {
    setImmediate(() => {
      if (this.destroyed || this.#held) return;
      const { value, done } = this.#words.next();
      this.said += done === true ? 0 : String(value).length;
      this.push(done === true ? null : value);
    });
  }

  override _write(_chunk: unknown, _encoding: BufferEncoding, callback: () => void): void {
    this.#held = false;
    this._read();
    callback();
  }
}

function* endless(first: string | undefined, again: string): Generator<string, void> {
  if (first !== undefined) yield first;
  for (;;) yield again;
}

const BLOCK = 65_536;
const EHLO = "250-peer.example\r\n250 PIPELINING\r\n";

const GREETING = "220 peer.example\r\n";

test.each<[what: string, greeting: string, words: () => Iterator<string>, code: string]>([
  [
    "a greeting that is one endless line",
    "",
    () => endless("220 ", "x".repeat(BLOCK)),
    "ESMTP_REPLY_TOO_LONG",
  ],
  ["endless NULs", "", () => endless(undefined, "\0".repeat(BLOCK)), "ESMTP_REPLY_TOO_LONG"],
  [
    "empty lines without end",
    "",
    () => endless(undefined, "\r\n".repeat(BLOCK / 2)),
    "ESMTP_MALFORMED_REPLY",
  ],
  [
    "a greeting of endless lines",
    "",
    () => endless(undefined, "220-x\r\n".repeat(BLOCK / 8)),
    "ESMTP_REPLY_TOO_LONG",
  ],
  [
    "10 MB of extensions",
    GREETING,
    () =>
      [
        "250-peer.example\r\n",
        ...Array.from({ length: 160 }, (_, i) => `250-X${i} ${"y".repeat(500)}\r\n`.repeat(128)),
        "250 PIPELINING\r\n",
      ].values(),
    "ESMTP_REPLY_TOO_LONG",
  ],
  [
    "valid replies without end",
    GREETING,
    () => endless(EHLO, "250 ok\r\n".repeat(BLOCK / 8)),
    "ESMTP_OUT_OF_STEP",
  ],
  ["354 without end", GREETING, () => endless(EHLO, "354 go\r\n".repeat(BLOCK / 8)), "ESMTP_OUT_OF_STEP"],
  [
    "a reply to MAIL without end",
    GREETING,
    () => endless(EHLO, "550-no\r\n".repeat(BLOCK / 8)),
    "ESMTP_REPLY_TOO_LONG",
  ],
])("%s", async (_, greeting, words, code) => {
  const talker = new Talker(greeting, words());
  const session = new SmtpSession({
    connectSocket: () => talker,
    name: "client.example",
    peers: new BoundedPeerMemory(),
    tls: "off",
  });
  let longest = 0;
  session.on("reply", ({ reply }) => {
    longest = Math.max(longest, reply.text.length);
  });
  const { ok, error } = await session.pipeline({
    from: "a@example.org",
    to: "b@example.net",
    data: "Text\r\n",
  });
  expect(ok).toBe(false);
  expect(error?.code).toBe(code);
  expect(session.state).toBe("closed");
  // No more is read than what was on its way.
  expect(talker.said).toBeLessThan(2_000_000);
  expect(longest).toBeLessThan(256 * 4_096);
});
