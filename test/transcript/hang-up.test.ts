import { describe, expect, test } from "vitest";
import { BYE, type ConversationOptions, conversation, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: A 421, or a refused RSET or NOOP, is a suspicion that the server is hanging up.

const SOON: ConversationOptions = { session: { timeouts: { closing: 30 } } };

const TEXT_AND_FOLLOW_ON = `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA`;

describe("421, then the connection ends", () => {
  test("to the text: what lay behind it was not processed", async () => {
    const { fates, error, reason } = await conversation(
      [message(1), message(2), message(3)],
      `
      ${TEXT_AND_FOLLOW_ON}
      S: 421 closing
      -- close
      `,
    );
    expect(fates).toEqual([
      "b1 failed message 421 retryable",
      "b2 failed connection ESMTP_SERVER_CLOSING retryable",
      "b3 failed connection ESMTP_SERVER_CLOSING retryable",
    ]);
    expect([error, reason]).toEqual(["ESMTP_SERVER_CLOSING", "server"]);
  });

  test("to MAIL: its own fate waits for DATA's reply, which does not come", async () => {
    const { fates } = await conversation(
      [message(1), message(2), message(3)],
      `
      ${TEXT_AND_FOLLOW_ON}
      S: 250 queued
      S: 250 reset
      S: 421 too many messages
      -- close
      `,
    );
    expect(fates).toEqual([
      "b1 succeeded 250",
      "b2 failed connection ESMTP_SERVER_CLOSING retryable",
      "b3 failed connection ESMTP_SERVER_CLOSING retryable",
    ]);
  });

  test("to RCPT: that recipient has its refusal, the others are retryable too", async () => {
    const { fates } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net", "d1@example.net"] }), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<c1@example.net>
      C: RCPT TO:<d1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 421 too many errors
      -- reset
      `,
    );
    expect(fates).toEqual([
      "b1 failed connection ESMTP_SERVER_CLOSING retryable",
      "c1 failed rcpt 421 retryable",
      "d1 failed connection ESMTP_SERVER_CLOSING retryable",
      "b2 failed connection ESMTP_SERVER_CLOSING retryable",
    ]);
  });
});

describe("421, then replies come", () => {
  test("all of them: they count, and the session goes on; nothing was written meanwhile", async () => {
    const { fates, error } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<c1@example.net>
      C: DATA
      S: 250 ok
      S: 421 a policy
      -- pause
      S: 250 ok
      -- pause
      S: 354 go on
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 queued
      S: 250 reset
      S: 421 a policy
      S: 503 no sender
      S: 503 no recipient
      ${BYE}
      `,
    );
    expect(fates).toEqual([
      "b1 failed rcpt 421 retryable",
      "c1 succeeded 250",
      "b2 failed mail 421 retryable",
    ]);
    expect(error).toBeUndefined();
  });

  test("421 to the text, the follow-on answered: it goes on", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${TEXT_AND_FOLLOW_ON}
      S: 421 overloaded
      -- pause
      S: 250 reset
      S: 250 ok
      S: 250 ok
      -- pause
      S: 354 go on
      C: Text 2
      C: .
      S: 250 queued
      ${BYE}
      `,
    );
    expect(fates).toEqual(["b1 failed message 421 retryable", "b2 succeeded 250"]);
  });

  test("some of them, then silence: as a lost connection", async () => {
    const { fates, error } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<c1@example.net>
      C: DATA
      S: 250 ok
      S: 421 a policy
      -- pause
      S: 550 no such user
      -- client closes
      `,
      SOON,
    );
    expect(fates).toEqual([
      "b1 failed rcpt 421 retryable",
      "c1 failed rcpt 550",
      "b2 failed connection ESMTP_SERVER_CLOSING retryable",
    ]);
    expect(error).toBe("ESMTP_SERVER_CLOSING");
  });
});

describe("421, then silence for timeouts.closing: as a lost connection", () => {
  test("with replies owed", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${TEXT_AND_FOLLOW_ON}
      S: 421 closing
      -- client closes
      `,
      SOON,
    );
    expect(fates).toEqual([
      "b1 failed message 421 retryable",
      "b2 failed connection ESMTP_SERVER_CLOSING retryable",
    ]);
  });

  test("with none owed: 421 to DATA", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 421 closing
      -- client closes
      `,
      SOON,
    );
    expect(fates).toEqual([
      "b1 failed data 421 retryable",
      "b2 failed connection ESMTP_SERVER_CLOSING retryable",
    ]);
  });

  test("in lock-step: 421 to MAIL", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      S: 421 closing
      -- client closes
      `,
      { session: { pipelining: "off", timeouts: { closing: 30 } } },
    );
    expect(fates).toEqual([
      "b1 failed mail 421 retryable",
      "b2 failed connection ESMTP_SERVER_CLOSING retryable",
    ]);
  });
});
