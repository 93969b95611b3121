import { once } from "node:events";
import { Readable } from "node:stream";
import type { Message } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message, ScriptedPeer } from "../support/scripted-peer.ts";

// Sources in their turn, and texts that are not what was declared of them.

const SECOND = `
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued`;

describe("a text in memory that is not what was declared, or not allowed: invalid, nothing is sent", () => {
  test.each<[string, Partial<Message>]>([
    ["a wrong size", { size: 7 }],
    ["8-bit text as 7BIT", { data: "caf\u00e9\r\n", body: "7BIT" }],
    ["a bare LF", { data: "one\ntwo\r\n" }],
    ["a bare CR", { data: "one\rtwo\r\n" }],
    ["a CR at its end", { data: "one\r" }],
  ])("%s", async (_, more) => {
    const { fates } = await conversation(
      [message(1, more), message(2)],
      `
      ${HELLO}
      ${SECOND}
      ${BYE}
      `,
      { session: { lineEndings: "reject" } },
    );
    expect(fates).toEqual(["b1 failed invalid ESMTP_INVALID_PARAMETER", "b2 succeeded 250"]);
  });
});

describe("a stream that is not what was declared, or not allowed: dropped, its end is never sent", () => {
  test.each<[string, string, Partial<Message>, string]>([
    ["shorter than its size", "short\r\n", { size: 99 }, " SIZE=99 BODY=8BITMIME"],
    ["longer than its size", "Text 1 and more\r\n", { size: 8 }, " SIZE=8 BODY=8BITMIME"],
    ["8-bit text as 7BIT", "caf\u00e9\r\n", { body: "7BIT" }, " BODY=7BIT"],
    ["a bare LF", "one\ntwo\r\n", {}, " BODY=8BITMIME"],
    ["a bare CR", "one\rtwo\r\n", {}, " BODY=8BITMIME"],
    ["a CR at its end", "one\r", {}, " BODY=8BITMIME"],
  ])("%s", async (_, text, more, parameters) => {
    const { fates, deliveries } = await conversation(
      [message(1, { ...more, data: () => Readable.from([text]) }), message(2)],
      `
      ${hello("PIPELINING", "SIZE", "8BITMIME")}
      C: MAIL FROM:<a1@example.org>${parameters}
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go on
      -- client closes
      `,
      { session: { lineEndings: "reject" } },
    );
    expect(fates).toEqual([
      "b1 failed message ESMTP_SOURCE_FAILED",
      "b2 failed connection ESMTP_SOURCE_FAILED retryable",
    ]);
    expect(deliveries[0]?.error?.cause).toBeInstanceOf(Error);
  });

  test("8-bit text where the server does not offer 8BITMIME", async () => {
    const { fates } = await conversation(
      [message(1, { data: () => Readable.from(["caf\u00e9\r\n"]) })],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go on
      -- client closes
      `,
    );
    expect(fates).toEqual(["b1 failed message ESMTP_SOURCE_FAILED"]);
  });
});

test("a declared size is that of the text as given, or as sent", async () => {
  const data = () => Readable.from(["one\n", "two"]);
  const { fates } = await conversation(
    [message(1, { data, size: 7 }), message(2, { data, size: 10 })],
    `
    ${hello("SIZE 1000")}
    C: MAIL FROM:<a1@example.org> SIZE=7
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: one
    C: two
    C: .
    S: 250 queued
    C: MAIL FROM:<a2@example.org> SIZE=10
    S: 250 ok
    C: RCPT TO:<b2@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: one
    C: two
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test("a function is called when its turn comes, one message ahead of its envelope, and once", async () => {
  const calls: number[] = [];
  const called = (n: number) => message(n, { data: () => Readable.from([`Text ${calls.push(n) && n}\r\n`]) });
  const { fates } = await conversation(
    [called(1), called(2), called(3)],
    `
    S: 220 peer.example
    -- none but the first
    C: EHLO client.example
    S: 250 peer.example
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    -- none but the second
    S: 550 no such user
    C: RSET
    S: 250 reset
    C: MAIL FROM:<a2@example.org>
    -- all
    S: 250 ok
    C: RCPT TO:<b2@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    C: MAIL FROM:<a3@example.org>
    S: 550 no
    ${BYE}
    `,
    {
      actions: {
        "none but the first": () => expect(calls).toEqual([1]),
        "none but the second": () => expect(calls).toEqual([1, 2]),
        all: () => expect(calls).toEqual([1, 2, 3]),
      },
    },
  );
  expect(fates).toEqual(["b1 failed rcpt 550", "b2 succeeded 250", "b3 failed mail 550"]);
});

test("a stream that a function brings when nobody wants it any more is closed", async () => {
  const controller = new AbortController();
  const late = Readable.from(["Text 1\r\n"]);
  let bring: (stream: Readable) => void = () => undefined;
  const data = () =>
    new Promise<Readable>((resolve) => {
      bring = resolve;
    });
  const closed = once(late, "close");
  const { fates } = await conversation(
    [message(1, { data, signal: controller.signal }), message(2)],
    `
    ${HELLO}
    -- abort
    ${SECOND}
    ${BYE}
    `,
    {
      actions: {
        abort: () => {
          controller.abort();
          bring(late);
        },
      },
    },
  );
  await closed;
  expect(fates).toEqual(["b1 failed aborted ESMTP_ABORTED retryable", "b2 succeeded 250"]);
});

test("a generator is closed where its text is not read to its end", async () => {
  let closed = false;
  async function* data(): AsyncGenerator<string> {
    try {
      yield "Text 1\r\n";
      yield "and more\r\n";
    } finally {
      closed = true;
    }
  }
  const { fates } = await conversation(
    [message(1, { data: data() })],
    `
    ${hello()}
    C: MAIL FROM:<a1@example.org>
    S: 550 no
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 failed mail 550"]);
  expect(closed).toBe(true);
});

test("a caller's stream whose text was not sent stays untouched: it goes with another session", async () => {
  const streams = [1, 2, 3].map((n) => Readable.from([`Text ${n}\r\n`, "the end\r\n"]));
  const messages = streams.map((data, i) => message(i + 1, { data }));
  const peer = await ScriptedPeer.start();
  const before = await peer.conversation(
    messages,
    `
    ${hello()}
    C: MAIL FROM:<a1@example.org>
    S: 451 later
    C: MAIL FROM:<a2@example.org>
    S: 250 ok
    C: RCPT TO:<b2@example.net>
    S: 250 ok
    C: DATA
    S: 451 later
    C: RSET
    -- close
    `,
  );
  expect(before.fates).toEqual([
    "b1 failed mail 451 retryable",
    "b2 failed data 451 retryable",
    "b3 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
  expect(streams.map(({ destroyed, readableDidRead }) => [destroyed, readableDidRead])).toEqual([
    [false, false],
    [false, false],
    [false, false],
  ]);
  const text = (n: number) => `
    C: MAIL FROM:<a${n}@example.org>
    S: 250 ok
    C: RCPT TO:<b${n}@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text ${n}
    C: the end
    C: .
    S: 250 queued`;
  const after = await peer.conversation(messages, `${hello()}${text(1)}${text(2)}${text(3)}${BYE}`);
  expect(after.fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"]);
});

test("a character that is cut in two between strings is sent whole; half of one is U+FFFD", async () => {
  async function* cut(): AsyncGenerator<string> {
    yield "smile: \ud83d";
    yield "";
    yield "\ude00\r\nhalf: \ud83d";
    yield "\r\nhalf: \ud83d";
  }
  const octets = (text: string) => Buffer.from(text, "utf8").toString("latin1");
  const { fates } = await conversation(
    [message(1, { data: cut() })],
    `
    ${hello("8BITMIME")}
    C: MAIL FROM:<a1@example.org> BODY=8BITMIME
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: ${octets("smile: \u{1f600}")}
    C: ${octets("half: \ufffd")}
    C: ${octets("half: \ufffd")}
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
});
