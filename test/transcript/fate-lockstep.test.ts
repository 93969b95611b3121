import type { SessionOptions } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message } from "../support/scripted-peer.ts";

// PROTOCOL: The fate of a recipient and After a failure, where one command goes at a time.

const HELO = `
    S: 220 peer.example
    C: EHLO client.example
    S: 500 what?
    C: HELO client.example
    S: 250 peer.example`;

const LOCK_STEP: readonly [string, string, SessionOptions][] = [
  ["a server without PIPELINING", hello(), {}],
  ["a server that knows only HELO", HELO, {}],
  ['pipelining: "off"', HELLO, { pipelining: "off" }],
];

describe.each(LOCK_STEP)("%s", (_, greeting, session) => {
  test("each command waits for the reply to the one before", async () => {
    const { fates } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>
      S: 250 ok
      C: RCPT TO:<b1@example.net>
      S: 250 ok
      C: RCPT TO:<c1@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: Text 1
      C: .
      S: 250 queued
      C: MAIL FROM:<a2@example.org>
      S: 250 ok
      C: RCPT TO:<b2@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: Text 2
      C: .
      S: 250 queued
      ${BYE}
      `,
      { session },
    );
    expect(fates).toEqual(["b1 succeeded 250", "c1 succeeded 250", "b2 succeeded 250"]);
  });

  test.each([
    ["550", "b1 failed mail 550"],
    ["451", "b1 failed mail 451 retryable"],
  ])("MAIL refused with %s: nothing more of the message is sent", async (code, expected) => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>
      S: ${code} not from you
      C: MAIL FROM:<a2@example.org>
      S: 250 ok
      C: RCPT TO:<b2@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: Text 2
      C: .
      S: 250 queued
      ${BYE}
      `,
      { session },
    );
    expect(fates).toEqual([expected, "b2 succeeded 250"]);
  });

  test("MAIL refused with 503: the server kept a transaction, RSET clears it", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>
      S: 503 sender already given
      C: RSET
      S: 250 reset
      C: MAIL FROM:<a2@example.org>
      S: 250 ok
      C: RCPT TO:<b2@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: Text 2
      C: .
      S: 250 queued
      ${BYE}
      `,
      { session },
    );
    expect(fates).toEqual(["b1 failed mail 503 retryable", "b2 succeeded 250"]);
  });

  test("every RCPT refused: no DATA, RSET before the next message", async () => {
    const { fates } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>
      S: 250 ok
      C: RCPT TO:<b1@example.net>
      S: 550 no such user
      C: RCPT TO:<c1@example.net>
      S: 450 mailbox busy
      C: RSET
      S: 250 reset
      C: MAIL FROM:<a2@example.org>
      S: 250 ok
      C: RCPT TO:<b2@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: Text 2
      C: .
      S: 250 queued
      ${BYE}
      `,
      { session },
    );
    expect(fates).toEqual(["b1 failed rcpt 550", "c1 failed rcpt 450 retryable", "b2 succeeded 250"]);
  });

  test("DATA refused: RSET before the next message", async () => {
    const { fates } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>
      S: 250 ok
      C: RCPT TO:<b1@example.net>
      S: 250 ok
      C: RCPT TO:<c1@example.net>
      S: 550 no such user
      C: DATA
      S: 451 no disk
      C: RSET
      S: 250 reset
      C: MAIL FROM:<a2@example.org>
      S: 250 ok
      C: RCPT TO:<b2@example.net>
      S: 250 ok
      C: DATA
      S: 554 no
      ${BYE}
      `,
      { session },
    );
    expect(fates).toEqual(["b1 failed data 451 retryable", "c1 failed rcpt 550", "b2 failed data 554"]);
  });

  test("the end of a text refused", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>
      S: 250 ok
      C: RCPT TO:<b1@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: Text 1
      C: .
      S: 554 spam
      C: MAIL FROM:<a2@example.org>
      S: 250 ok
      C: RCPT TO:<b2@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: Text 2
      C: .
      S: 451 later
      ${BYE}
      `,
      { session },
    );
    expect(fates).toEqual(["b1 failed message 554", "b2 failed message 451 retryable"]);
  });

  test("530 to MAIL ends the session", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>
      S: 530 authentication required
      -- client closes
      `,
      { session },
    );
    expect(fates).toEqual([
      "b1 failed connection ESMTP_AUTH_REQUIRED retryable",
      "b2 failed connection ESMTP_AUTH_REQUIRED retryable",
    ]);
  });

  test("the connection lost before the end of the text: retryable; behind it: unknown", async () => {
    const before = await conversation(
      [message(1), message(2)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>
      S: 250 ok
      C: RCPT TO:<b1@example.net>
      -- close
      `,
      { session },
    );
    expect(before.fates).toEqual([
      "b1 failed connection ESMTP_CONNECTION_LOST retryable",
      "b2 failed connection ESMTP_CONNECTION_LOST retryable",
    ]);
    const behind = await conversation(
      [message(1), message(2)],
      `
      ${greeting}
      C: MAIL FROM:<a1@example.org>
      S: 250 ok
      C: RCPT TO:<b1@example.net>
      S: 250 ok
      C: DATA
      S: 354 go on
      C: Text 1
      C: .
      -- close
      `,
      { session },
    );
    expect(behind.fates).toEqual([
      "b1 unknown ESMTP_CONNECTION_LOST",
      "b2 failed connection ESMTP_CONNECTION_LOST retryable",
    ]);
  });
});
