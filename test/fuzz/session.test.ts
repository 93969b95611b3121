import { Duplex } from "node:stream";
import fc from "fast-check";
import {
  BoundedPeerMemory,
  type Delivery,
  type Message,
  type SessionOptions,
  SmtpSession,
} from "smtp-pipelining";
import { expect, test } from "vitest";
import { runs } from "../support/scripts.ts";
import { corpus, replies } from "./mutations.ts";

// A session on a connection that says these octets, whatever is said to it, and then ends. Every recipient has one fate,
// nothing is pending, and nothing is thrown at anybody: an unhandled rejection or exception fails the run.

/** Turns of the event loop in which nothing is written, until the server speaks unasked: whoever waited was not answered. */
const PATIENCE = 30;

/**
 * A server that says these octets, a reply for each command that it is told, in pieces of a size. Where a reply is missing
 * it says the next one after a while; at their end it hangs up.
 */
class Speaker extends Duplex {
  readonly #replies: string[];
  readonly #size: number;
  #heard = "";
  #inText = false;
  #swallow = 0;
  #silence = 0;

  constructor(octets: Buffer, size: number) {
    super({ allowHalfOpen: true });
    this.#size = size;
    this.#replies = octets.toString("latin1").match(/(?:\d{3}-[^\n]*\n)*[^\n]*\n?/g) ?? [];
    this.#say();
    this.#wait();
  }

  override _read(): void {
    // What is said is pushed.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#silence = 0;
    this.#heard += chunk.toString("latin1");
    while (this.#command()) this.#say();
    callback();
  }

  /** Takes a command, or a text, off what was heard. */
  #command(): boolean {
    if (this.#swallow > this.#heard.length) return false;
    this.#heard = this.#heard.slice(this.#swallow);
    this.#swallow = 0;
    const mark = this.#inText ? ".\r\n" : "\r\n";
    const end = this.#inText && !this.#heard.startsWith(mark) ? this.#heard.indexOf(`\r\n${mark}`) + 2 : 0;
    const from = this.#inText ? end : this.#heard.indexOf(mark);
    if (from < 0 || (this.#inText && end === 1)) return false;
    const line = this.#heard.slice(0, from);
    this.#heard = this.#heard.slice(from + mark.length);
    this.#swallow = Number(/^BDAT (\d+)/.exec(line)?.[1] ?? 0);
    this.#inText = line === "DATA" && this.#replies[0]?.startsWith("354") === true;
    return true;
  }

  #say(): void {
    const reply = this.#replies.shift();
    if (reply === undefined || reply === "") return;
    for (let at = 0; at < reply.length; at += this.#size) {
      this.push(Buffer.from(reply.slice(at, at + this.#size), "latin1"));
    }
  }

  #wait(): void {
    setImmediate(() => {
      if (this.destroyed || this.readableEnded) return;
      if (++this.#silence > PATIENCE) {
        this.#silence = 0;
        this.#say();
        if (this.#replies.length === 0) {
          this.push(null);
          return;
        }
      }
      this.#wait();
    });
  }
}

const MESSAGES: readonly Message[] = [
  { from: "a1@example.org", to: "b1@example.net", data: "Text 1\r\n" },
  { from: "a2@example.org", to: "b2@example.net", data: "Text 2\r\n.\r\n" },
  { from: "", to: ["b3@example.net", "bé@example.net"], data: "Größe\r\n", requireAllRecipients: true },
  {
    from: "a4@example.org",
    to: "b5@example.net",
    data: async function* () {
      yield "Text 4";
    },
  },
];

interface Run {
  readonly deliveries: readonly Delivery[];
  readonly fates: Map<string, number>;
  readonly heard: number;
}

async function run(octets: Buffer, size: number, options: SessionOptions): Promise<Run> {
  const session = new SmtpSession({
    connectSocket: () => new Speaker(octets, size),
    name: "client.example",
    peers: new BoundedPeerMemory(),
    tls: "off",
    timeouts: { closing: 20 },
    ...options,
  });
  const fates = new Map<string, number>();
  let heard = 0;
  for (const event of ["recipientSucceeded", "recipientFailed", "recipientUnknown"] as const) {
    session.on(event, ({ address }) => fates.set(address, (fates.get(address) ?? 0) + 1));
  }
  session.on("reply", () => heard++);
  const sent = MESSAGES.map((message) => session.pipeline(message));
  const command = session.noop().catch(() => undefined);
  const deliveries = await Promise.all(sent);
  await command;
  await session.quit();
  expect(session.pending).toBe(0);
  expect(session.repliesOwed).toBe(0);
  return { deliveries, fates, heard };
}

const options: fc.Arbitrary<SessionOptions> = fc.record({
  pipelining: fc.constantFrom("auto", "transaction", "off"),
  chunking: fc.constantFrom("auto", "strict", "off"),
  protocol: fc.constantFrom("smtp", "smtp", "lmtp"),
});

test("the session: whatever comes, every recipient has one fate and nothing is left", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(replies, fc.constantFrom(1, 7, 65_536), options, async (octets, size, given) => {
      const { deliveries, fates } = await run(octets, octets.length > 3_000 ? 65_536 : size, given);
      for (const { recipients, succeeded, failed, unknown } of deliveries) {
        expect(succeeded.length + failed.length + unknown.length).toBe(recipients.length);
      }
      expect(Object.fromEntries(fates)).toEqual(
        Object.fromEntries(
          MESSAGES.flatMap(({ to }) => to as string | string[]).map((address) => [address, 1]),
        ),
      );
      // Nobody succeeds without a 2yz behind the 250s to MAIL and RCPT.
      const positive = octets.toString("latin1").match(/2\d\d/g)?.length ?? 0;
      const succeeded = deliveries.filter((delivery) => delivery.succeeded.length > 0).length;
      expect(3 * succeeded).toBeLessThanOrEqual(positive);
    }),
    { numRuns: runs(400) },
  );
});

test("what servers said, as it was, leads to successes: the fuzzer begins where sessions work", async () => {
  const succeeded: Record<string, number> = {};
  for (const [name, octets] of corpus) {
    const protocol = name === "lmtp" ? "lmtp" : "smtp";
    const { deliveries } = await run(octets, 65_536, { protocol });
    succeeded[name] = deliveries.filter((delivery) => delivery.succeeded.length > 0).length;
  }
  expect(succeeded).toEqual({
    chunking: 2,
    closing: 0,
    "lf-only": 2,
    lmtp: 2,
    "lock-step": 2,
    marker: 2,
    pipelined: 2,
    utf8: 2,
  });
});
