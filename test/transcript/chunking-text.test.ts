import { Readable } from "node:stream";
import type { Message, MessageData } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { chunking } from "../support/chunking-option.ts";
import { ACCEPTED, envelope, HELLO_CHUNKING, last, QUEUED } from "../support/chunking-wire.ts";
import { BYE, conversation, hello, message } from "../support/scripted-peer.ts";

// The octets of a text: canonical line ends, no dot-stuffing, and the size of a chunk is what follows it.

const STRICT = { session: chunking("strict") };

/** Not yet in the type of a message everywhere. */
const BINARY: object = { body: "BINARYMIME" };

/** A text as it is given, how many octets it has on the wire, and these. */
const TEXTS: readonly (readonly [name: string, data: MessageData, size: number, octets: string])[] = [
  ["no text", "", 0, ""],
  ["one dot", ".", 3, ".<CR><LF>"],
  ["a dot at the very beginning", ".x\r\n", 4, ".x<CR><LF>"],
  ["dots at the beginning of lines", "..a\r\n.\r\n.b\r\n", 12, "..a<CR><LF>.<CR><LF>.b<CR><LF>"],
  ["what would end a text", "a\r\n.\r\nb\r\n", 9, "a<CR><LF>.<CR><LF>b<CR><LF>"],
  ["no line end at the end", "ab", 4, "ab<CR><LF>"],
  ["bare LF", "a\n\nb\n", 8, "a<CR><LF><CR><LF>b<CR><LF>"],
  ["bare CR", "a\rb\r", 6, "a<CR><LF>b<CR><LF>"],
  ["an empty line at the end", "a\r\n\r\n", 5, "a<CR><LF><CR><LF>"],
  ["what looks like commands", "RSET\r\nBDAT 0 LAST\r\n", 19, "RSET<CR><LF>BDAT 0 LAST<CR><LF>"],
  ["octets", Uint8Array.of(46, 10, 0x41), 6, ".<CR><LF>A<CR><LF>"],
];

describe("in memory: one chunk, in the same write as its line", () => {
  test.each(TEXTS)("%s", async (_, data, size, octets) => {
    const { fates } = await conversation(
      [message(1, { data }), message(2)],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      ${ACCEPTED}
      C: BDAT ${size} LAST
      C> ${octets}
      C: RSET
      ${envelope(2)}
      ${QUEUED}
      ${ACCEPTED}
      ${last(2)}
      ${QUEUED}
      ${BYE}`,
      STRICT,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  });
});

describe("from a stream, octet by octet: the same octets, in whatever chunks", () => {
  test.each(TEXTS)("%s", async (_, data, __, octets) => {
    const all = typeof data === "string" ? Buffer.from(data) : Buffer.from(data as Uint8Array);
    const source = (): Readable => Readable.from([...all].map((octet) => Uint8Array.of(octet)));
    const { fates } = await conversation(
      [message(1, { data: source }), message(2)],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      ${ACCEPTED}
      C* ${octets}
      C: RSET
      ${envelope(2)}
      ${QUEUED}
      ${ACCEPTED}
      ${last(2)}
      ${QUEUED}
      ${BYE}`,
      STRICT,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  });
});

test("a large text of many lines, each with a dot, from memory and from a stream", async () => {
  const line = `.${"x".repeat(77)}\n`;
  const lines = 4_000;
  const octets = `.${"x".repeat(77)}<CR><LF>`.repeat(lines);
  for (const data of [line.repeat(lines), () => Readable.from(Array.from({ length: lines }, () => line))]) {
    const { fates } = await conversation(
      [message(1, { data })],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      ${ACCEPTED}
      C* ${octets}
      C: RSET
      ${QUEUED}
      ${BYE}`,
      STRICT,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  }
});

test("8-bit text counts octets, not characters", async () => {
  const { fates } = await conversation(
    [message(1, { data: "caf\u00e9 \u{1f600}\r\n" })],
    `
    ${hello("PIPELINING", "CHUNKING", "8BITMIME")}
    C: MAIL FROM:<a1@example.org> BODY=8BITMIME
    C: RCPT TO:<b1@example.net>
    ${ACCEPTED}
    C: BDAT 12 LAST
    C> caf<C3><A9> <F0><9F><98><80><CR><LF>
    C: RSET
    ${QUEUED}
    ${BYE}`,
    STRICT,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
});

test("SIZE is declared where it is offered, of the octets on the wire", async () => {
  const { fates } = await conversation(
    [message(1, { data: ".\n" })],
    `
    ${hello("PIPELINING", "CHUNKING", "SIZE 1000")}
    C: MAIL FROM:<a1@example.org> SIZE=3
    C: RCPT TO:<b1@example.net>
    ${ACCEPTED}
    C: BDAT 3 LAST
    C: .
    C: RSET
    ${QUEUED}
    ${BYE}`,
    STRICT,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
});

describe("BINARYMIME", () => {
  const OFFERED = hello("PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME");
  const binary = (more: Partial<Message>): Message => ({ ...message(1, more), ...BINARY });

  test("passes untouched: bare CR and LF, NUL, every octet, no line end at the end", async () => {
    const { fates } = await conversation(
      [binary({ data: Uint8Array.of(0x2e, 0x0a, 0x00, 0xff, 0x0d, 0x2e, 0x0d, 0x0a, 0x41) })],
      `
      ${OFFERED}
      C: MAIL FROM:<a1@example.org> BODY=BINARYMIME
      C: RCPT TO:<b1@example.net>
      ${ACCEPTED}
      C: BDAT 9 LAST
      C> .<LF><NUL><FF><CR>.<CR><LF>A
      C: RSET
      ${QUEUED}
      ${BYE}`,
      STRICT,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test("from a stream", async () => {
    const { fates } = await conversation(
      [
        binary({
          data: () => Readable.from([Uint8Array.of(0x0d), Uint8Array.of(0x2e, 0x0d), Uint8Array.of(0xfe)]),
        }),
      ],
      `
      ${OFFERED}
      C: MAIL FROM:<a1@example.org> BODY=BINARYMIME
      C: RCPT TO:<b1@example.net>
      ${ACCEPTED}
      C* <CR>.<CR><FE>
      C: RSET
      ${QUEUED}
      ${BYE}`,
      STRICT,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test('passes with lineEndings "reject", too', async () => {
    const { fates } = await conversation(
      [binary({ data: "a\nb" })],
      `
      ${OFFERED}
      C: MAIL FROM:<a1@example.org> BODY=BINARYMIME
      C: RCPT TO:<b1@example.net>
      ${ACCEPTED}
      C: BDAT 3 LAST
      C> a<LF>b
      C: RSET
      ${QUEUED}
      ${BYE}`,
      { session: { ...chunking("strict"), lineEndings: "reject" } },
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test.each([
    ["BINARYMIME is not offered", ["CHUNKING", "8BITMIME"], "strict"],
    ["CHUNKING is not offered", ["BINARYMIME", "8BITMIME"], "strict"],
    ['chunking is "off"', ["CHUNKING", "BINARYMIME", "8BITMIME"], "off"],
  ] as const)("%s: unsupported, nothing is sent", async (_, extensions, mode) => {
    const { fates } = await conversation(
      [binary({ data: "a\r\n" })],
      `${hello("PIPELINING", ...extensions)} ${BYE}`,
      { session: chunking(mode) },
    );
    expect(fates).toEqual(["b1 failed unsupported ESMTP_UNSUPPORTED"]);
  });
});
