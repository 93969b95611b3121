import { Readable } from "node:stream";
import type { Message, MessageData } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message } from "../support/scripted-peer.ts";

// PROTOCOL: The text. SIZE and BODY are declared where the server offers them.

const ENVELOPE = `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on`;

const lines = (...text: readonly string[]): string => text.map((line) => `C: ${line}`).join("\n");

const TEXTS: readonly [string, string, string[]][] = [
  ["canonical", "Subject: x\r\n\r\nbody\r\n", ["Subject: x", "", "body"]],
  ["a dot at the first octet", ".\r\n..\r\n.x\r\n", ["..", "...", "..x"]],
  ["no line end at the end", "a\r\nb", ["a", "b"]],
  ["bare LF and bare CR", "a\nb\rc\r\rd\n\re\r", ["a", "b", "c", "", "d", "", "e"]],
  [
    "what would end the text elsewhere",
    "a\n.\nRSET\r.\r\nb\r\n.\nc\r\n",
    ["a", "..", "RSET", "..", "b", "..", "c"],
  ],
  ["empty", "", []],
  ["one line end", "\r\n", [""]],
];

const FORMS: readonly [string, (text: string) => MessageData][] = [
  ["a string", (text) => text],
  ["octets", (text) => Buffer.from(text, "latin1")],
  [
    "a stream of single octets",
    (text) => Readable.from([...text].map((octet) => Buffer.from(octet, "latin1"))),
  ],
  ["a function that returns pieces", (text) => () => pieces(text)],
];

async function* pieces(text: string): AsyncGenerator<string> {
  for (const piece of text.match(/.{1,2}/gs) ?? []) yield piece;
}

describe.each(FORMS)("from %s", (_form, make) => {
  test.each(TEXTS)("%s", async (_, text, expected) => {
    const { fates } = await conversation(
      [message(1, { data: make(text) })],
      `
      ${ENVELOPE}
      ${lines(...expected, ".")}
      S: 250 queued
      ${BYE}
      `,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });
});

describe("SIZE and BODY", () => {
  const stream = (text: string): Readable => Readable.from([Buffer.from(text, "latin1")]);
  const CASES: readonly [string, string, Partial<Message>, string, string][] = [
    ["neither is offered", HELLO, {}, "", "Text 1"],
    [
      "SIZE counts canonical octets, without dot-stuffing",
      hello("PIPELINING", "SIZE"),
      { data: ".\n" },
      " SIZE=3",
      "..",
    ],
    ["7-bit text declares no BODY", hello("PIPELINING", "8BITMIME"), {}, "", "Text 1"],
    [
      "8-bit text declares it",
      hello("PIPELINING", "8BITMIME", "SIZE 0"),
      { data: Buffer.from("\u00e9\r\n", "latin1") },
      " SIZE=3 BODY=8BITMIME",
      "\u00e9",
    ],
    [
      "a stream declares it",
      hello("PIPELINING", "8BITMIME"),
      { data: stream("x\r\n") },
      " BODY=8BITMIME",
      "x",
    ],
    [
      "a stream that says 7BIT",
      hello("PIPELINING", "8BITMIME"),
      { data: stream("x\r\n"), body: "7BIT" },
      " BODY=7BIT",
      "x",
    ],
    [
      "a stream of known size",
      hello("PIPELINING", "SIZE 99"),
      { data: stream("x\r\n"), size: 3 },
      " SIZE=3",
      "x",
    ],
    ["a stream of unknown size", hello("PIPELINING", "SIZE 99"), { data: stream("x\r\n") }, "", "x"],
    ["a stream to a server that knows neither", HELLO, { data: stream("x\r\n"), size: 3 }, "", "x"],
  ];

  test.each(CASES)("%s", async (_, greeting, more, parameters, text) => {
    const { fates } = await conversation(
      [message(1, more)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>${parameters}
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: ${text}
      C: .
      S: 250 queued
      ${BYE}
      `,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  });

  test.each<[string, string, Partial<Message>, string]>([
    ["8-bit text", HELLO, { data: "\u00e9" }, "ESMTP_UNSUPPORTED"],
    ["a stream that says 8BITMIME", HELLO, { data: stream("x"), body: "8BITMIME" }, "ESMTP_UNSUPPORTED"],
    ["a text above SIZE", hello("PIPELINING", "SIZE 8"), { data: "123456789" }, "ESMTP_SIZE_EXCEEDED"],
    [
      "a stream above SIZE",
      hello("PIPELINING", "SIZE 8"),
      { data: stream("x"), size: 9 },
      "ESMTP_SIZE_EXCEEDED",
    ],
  ])("unsupported: %s: nothing of it is sent", async (_, greeting, more, code) => {
    const { fates } = await conversation(
      [message(1, more)],
      `
      ${greeting}
      ${BYE}
      `,
    );
    expect(fates).toEqual([`b1 failed unsupported ${code}`]);
  });
});
