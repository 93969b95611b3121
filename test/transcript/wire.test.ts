import { Readable } from "node:stream";
import type { MessageData } from "smtp-pipelining";
import { expect, test } from "vitest";
import { BYE, conversation, HELLO, message } from "../support/scripted-peer.ts";

test("the text, its end and the next envelope leave in one write", async () => {
  const { fates } = await conversation(
    [message(1), message(2, { to: ["b2@example.net", "c2@example.net"] }), message(3)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ DATA
    S: 250 sender 1
    S: 250 recipient b1
    S: 354 go on
    C: Text 1
    C+ .
    C+ RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ RCPT TO:<c2@example.net>
    C+ DATA
    S: 250 queued 1
    S: 250 reset
    S: 250 sender 2
    S: 250 recipient b2
    S: 250 recipient c2
    S: 354 go on
    C: Text 2
    C+ .
    C+ RSET
    C+ MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
    S: 250 queued 2
    S: 250 reset
    S: 250 sender 3
    S: 250 recipient b3
    S: 354 go on
    C: Text 3
    C+ .
    S: 250 queued 3
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "c2 succeeded 250", "b3 succeeded 250"]);
});

/** Larger than what is handed to the socket at a time. */
const LINES = Array.from({ length: 1_500 }, (_, i) => `${i} ${"x".repeat(90)}`);
const LARGE = LINES.map((line) => `${line}\r\n`).join("");

test.each<[string, (text: string) => MessageData]>([
  ["octets", (text) => Buffer.from(text)],
  ["a stream", (text) => Readable.from([text.slice(0, 5), text.slice(5)])],
  ["a function that returns a string", (text) => () => text],
  ["a function that returns a stream", (text) => () => Readable.from([Buffer.from(text)])],
])("%s: small or large, the end of the text and the next envelope leave in one write", async (_, data) => {
  const { fates } = await conversation(
    [message(1, { data: data("Text 1\r\n") }), message(2, { data: data(LARGE) }), message(3)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C+ .
    C+ RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    ${LINES.map((line) => `C: ${line}`).join("\n")}
    C+ .
    C+ RSET
    C+ MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C+ .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"]);
});
