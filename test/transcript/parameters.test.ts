import { Readable } from "node:stream";
import type { Message } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, hello, message } from "../support/scripted-peer.ts";

// PROTOCOL: what MAIL says of a text, what a server can not take, and texts that would end early elsewhere.

const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** A message in lock-step with this MAIL line and these lines of text. */
function sent(n: number, mail: string, lines: readonly string[]): string {
  return `
    C: ${mail}
    S: 250 ok
    C: RCPT TO:<b${n}@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    ${[...lines, "."].map((line) => `C: ${line}`).join("\n")}
    S: 250 queued`;
}

const PLAIN = "Text 1\r\n";
const EIGHT_BIT = "caf\u00e9\r\n";
const stream = (text: string) => () => Readable.from([Buffer.from(text)]);

describe("MAIL says SIZE and BODY where they are offered", () => {
  test.each<[string, Partial<Message>, string]>([
    ["in memory", { data: PLAIN }, " SIZE=8"],
    ["in memory, octets", { data: Buffer.from(PLAIN) }, " SIZE=8"],
    ["in memory, 8-bit", { data: EIGHT_BIT }, " SIZE=7 BODY=8BITMIME"],
    ["in memory, size declared", { data: PLAIN, size: 8 }, " SIZE=8"],
    ["in memory, 7BIT declared", { data: PLAIN, body: "7BIT" }, " SIZE=8 BODY=7BIT"],
    ["in memory, 8BITMIME declared", { data: PLAIN, body: "8BITMIME" }, " SIZE=8 BODY=8BITMIME"],
    ["in memory, as it will be on the wire", { data: "\n.a\rb" }, " SIZE=9"],
    ["in memory, empty", { data: "" }, " SIZE=0"],
    ["a stream", { data: stream(PLAIN) }, " BODY=8BITMIME"],
    ["a stream, 8-bit", { data: stream(EIGHT_BIT) }, " BODY=8BITMIME"],
    ["a stream, size declared", { data: stream(PLAIN), size: 8 }, " SIZE=8 BODY=8BITMIME"],
    ["a stream, 7BIT declared", { data: stream(PLAIN), body: "7BIT" }, " BODY=7BIT"],
    ["a stream, 8BITMIME declared", { data: stream(PLAIN), body: "8BITMIME" }, " BODY=8BITMIME"],
  ])("%s", async (_, more, parameters) => {
    const { fates } = await conversation(
      [message(1, more)],
      `
      ${hello("SIZE 1000000", "8BITMIME")}
      C: MAIL FROM:<a1@example.org>${parameters}
      S: 550 no
      ${BYE}
      `,
    );
    expect(fates).toEqual(["b1 failed mail 550"]);
  });

  test.each<[string, Partial<Message>]>([
    ["in memory", { data: PLAIN }],
    ["in memory, size and 7BIT declared", { data: PLAIN, size: 8, body: "7BIT" }],
    ["a stream, size and 7BIT declared", { data: stream(PLAIN), size: 8, body: "7BIT" }],
    ["a stream", { data: stream(PLAIN) }],
  ])("and not where they are not: %s", async (_, more) => {
    const { fates } = await conversation(
      [message(1, more)],
      `${hello("HELP")}${sent(1, "MAIL FROM:<a1@example.org>", ["Text 1"])}${BYE}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test("each by itself; keywords in whatever case", async () => {
    const eightBit = await conversation(
      [message(1, { data: EIGHT_BIT })],
      `${hello("8bitmime")}${sent(1, "MAIL FROM:<a1@example.org> BODY=8BITMIME", [latin1("caf\u00e9")])}${BYE}`,
    );
    expect(eightBit.fates).toEqual(["b1 succeeded 250"]);
    const size = await conversation(
      [message(1)],
      `${hello("size")}${sent(1, "MAIL FROM:<a1@example.org> SIZE=8", ["Text 1"])}${BYE}`,
    );
    expect(size.fates).toEqual(["b1 succeeded 250"]);
  });
});

describe("what the server can't take is unsupported: nothing of it is sent, the next message goes", () => {
  const tooLarge = "b1 failed unsupported ESMTP_SIZE_EXCEEDED";
  const lacking = "b1 failed unsupported ESMTP_UNSUPPORTED";

  test.each<[string, string, Partial<Message>, string]>([
    ["a text larger than SIZE", "SIZE 8", { data: "Text 12\r\n" }, tooLarge],
    ["a text that is larger only on the wire", "SIZE 8", { data: "T\nex\nt\n" }, tooLarge],
    ["a stream declared larger than SIZE", "SIZE 8", { data: stream("x"), size: 9 }, tooLarge],
    ["8-bit text without 8BITMIME", "SIZE 8", { data: EIGHT_BIT }, lacking],
    ["8-bit text declared without 8BITMIME", "SIZE 8", { data: stream("x"), body: "8BITMIME" }, lacking],
    ["a sender beyond ASCII", "SIZE 8", { from: "\u00e9@example.org" }, lacking],
    ["a recipient beyond ASCII", "SIZE 8", { to: "b1\u00e9@example.net" }, `b1\u00e9${lacking.slice(2)}`],
  ])("%s", async (_, extension, more, expected) => {
    const { fates } = await conversation(
      [message(1, more), message(2)],
      `${hello(extension)}${sent(2, "MAIL FROM:<a2@example.org> SIZE=8", ["Text 2"])}${BYE}`,
    );
    expect(fates).toEqual([expected, "b2 succeeded 250"]);
  });

  test("a recipient beyond ASCII among others costs itself alone", async () => {
    const { fates } = await conversation(
      [message(1, { to: ["\u00fc@example.net", "b1@example.net"] })],
      `${hello()}${sent(1, "MAIL FROM:<a1@example.org>", ["Text 1"])}${BYE}`,
    );
    expect(fates).toEqual(["\u00fc failed unsupported ESMTP_UNSUPPORTED", "b1 succeeded 250"]);
  });

  test("8BITMIME declared for a text that has no need of it: it goes", async () => {
    const { fates } = await conversation(
      [message(1, { body: "8BITMIME" })],
      `${hello()}${sent(1, "MAIL FROM:<a1@example.org>", ["Text 1"])}${BYE}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test.each(["SIZE", "SIZE 0", "SIZE unlimited"])("%s is no limit", async (extension) => {
    const { fates } = await conversation(
      [message(1)],
      `${hello(extension)}${sent(1, "MAIL FROM:<a1@example.org> SIZE=8", ["Text 1"])}${BYE}`,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });
});

test("the null reverse-path, a quoted local part, an address literal", async () => {
  const { fates } = await conversation(
    [
      message(1, { from: "" }),
      message(2, { from: '"a <b> @c"@example.org' }),
      message(3, { from: "a@[IPv6:2001:db8::1]" }),
    ],
    `
    ${hello()}
    ${sent(1, "MAIL FROM:<>", ["Text 1"])}
    ${sent(2, 'MAIL FROM:<"a <b> @c"@example.org>', ["Text 2"])}
    ${sent(3, "MAIL FROM:<a@[IPv6:2001:db8::1]>", ["Text 3"])}
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"]);
});

const TEXTS: readonly [string, string, readonly string[]][] = [
  ["LF CR", "one\n\rtwo\n\r", ["one", "", "two", ""]],
  ["CR CR LF", "one\r\r\ntwo\r\r\n", ["one", "", "two", ""]],
  ["empty lines at its end", "one\r\n\r\n\r\n", ["one", "", ""]],
  ["only a dot", ".", [".."]],
  ["a smuggled end, bare LF", "one\n.\nMAIL FROM:<x@y>\n", ["one", "..", "MAIL FROM:<x@y>"]],
  ["a smuggled end, bare CR", "one\r.\rMAIL FROM:<x@y>\r", ["one", "..", "MAIL FROM:<x@y>"]],
  ["a smuggled end, LF before CRLF", "one\n.\r\nRSET\r\n", ["one", "..", "RSET"]],
  ["a smuggled end, CRLF before CR", "one\r\n.\rRSET\r\n", ["one", "..", "RSET"]],
  ["NUL and other controls", "a\0b\x01\x7f\r\n", ["a\0b\x01\x7f"]],
];

describe("an unusual text on the wire", () => {
  test.each(TEXTS)("%s", async (_, text, lines) => {
    async function* octetByOctet(): AsyncGenerator<Uint8Array> {
      for (const octet of Buffer.from(text)) yield Uint8Array.of(octet);
    }
    const { fates } = await conversation(
      [message(1, { data: text }), message(2, { data: stream(text) }), message(3, { data: octetByOctet() })],
      `
      ${hello()}
      ${sent(1, "MAIL FROM:<a1@example.org>", lines)}
      ${sent(2, "MAIL FROM:<a2@example.org>", lines)}
      ${sent(3, "MAIL FROM:<a3@example.org>", lines)}
      ${BYE}
      `,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"]);
  });
});
