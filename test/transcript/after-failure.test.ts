import { describe, expect, test } from "vitest";
import { BYE, conversation, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: After a failure.

const SECOND = `
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}`;

const FOLLOW_ON = `
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
    C: DATA
    S: 250 queued
    S: 250 reset`;

describe("no RCPT accepted, but DATA got 354", () => {
  test.each([["554 no valid recipients"], ["250 queued for nobody"], ["451 try later"]])(
    "the lone dot, alone; its reply (%s) is counted and succeeds nothing",
    async (reply) => {
      const { fates, deliveries, log } = await conversation(
        [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
        `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<c1@example.net>
      C: DATA
      S: 250 ok
      S: 550 no such user
      S: 450 mailbox busy
      S: 354 go on
      C: .
      S: ${reply}
      ${SECOND}
      `,
      );
      expect(fates).toEqual(["b1 failed rcpt 550", "c1 failed rcpt 450 retryable", "b2 succeeded 250"]);
      expect(deliveries[0]?.reply, "no reply decided the message as a whole").toBeUndefined();
      const dot = log.of("groupEnd").find(({ group }) => group.sent.includes("."))?.group;
      expect([dot?.sent, dot?.codes]).toEqual([["."], [Number(reply.slice(0, 3))]]);
      expect(dot?.recipients.succeeded).toEqual([]);
    },
  );

  test("in a follow-on", async () => {
    const { fates } = await conversation(
      [message(1), message(2), message(3)],
      `
      ${FOLLOW_ON}
      S: 250 ok
      S: 550 no such user
      S: 354 go on
      C: .
      S: 554 no valid recipients
      C: MAIL FROM:<a3@example.org>
      C: RCPT TO:<b3@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 3
      C: .
      S: 250 queued
      ${BYE}
      `,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 failed rcpt 550", "b3 succeeded 250"]);
  });

  test("MAIL refused too: the lone dot, the fate is MAIL's", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 550 not you
      S: 503 no sender
      S: 354 go on
      C: .
      S: 503 no sender
      ${SECOND}
      `,
    );
    expect(fates).toEqual(["b1 failed mail 550", "b2 succeeded 250"]);
  });

  test("the connection lost behind the lone dot: the refusal stands", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 550 no such user
      S: 354 go on
      C: .
      -- reset
      `,
    );
    expect(fates).toEqual(["b1 failed rcpt 550", "b2 failed connection ESMTP_CONNECTION_LOST retryable"]);
  });
});

describe("a server that keeps the previous transaction open", () => {
  test.each([
    ["503 sender already given", "b2 failed mail 503 retryable"],
    ["553 nested MAIL", "b2 failed mail 553"],
    ["451 nested MAIL", "b2 failed mail 451 retryable"],
  ])("%s to MAIL, RCPT and DATA accepted: closed without even a lone dot", async (reply, expected) => {
    const { fates, error, reason } = await conversation(
      [message(1), message(2), message(3)],
      `
      ${FOLLOW_ON}
      S: ${reply}
      S: 250 ok
      S: 354 go on
      -- client closes
      `,
    );
    expect(fates).toEqual([
      "b1 succeeded 250",
      expected,
      "b3 failed connection ESMTP_WRONG_TRANSACTION retryable",
    ]);
    expect([error, reason]).toEqual(["ESMTP_WRONG_TRANSACTION", "error"]);
  });

  test("one of two recipients accepted: the same", async () => {
    const { fates } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net"] })],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<c1@example.net>
      C: DATA
      S: 503 sender already given
      S: 550 no such user
      S: 250 ok
      S: 354 go on
      -- client closes
      `,
    );
    expect(fates).toEqual(["b1 failed mail 503 retryable", "c1 failed mail 503 retryable"]);
  });

  test("503 to MAIL, no RCPT accepted, and 354: the kept recipients would get an empty message", async () => {
    const { fates, error } = await conversation(
      [message(1)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 503 sender already given
      S: 550 no such user
      S: 354 go on
      -- client closes
      `,
    );
    expect(fates).toEqual(["b1 failed mail 503 retryable"]);
    expect(error).toBe("ESMTP_WRONG_TRANSACTION");
  });

  test("503 to MAIL, DATA refused: RSET clears it, and the session goes on", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 503 sender already given
      S: 250 ok
      S: 451 not now
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 2
      C: .
      S: 250 queued
      ${BYE}
      `,
    );
    expect(fates).toEqual(["b1 failed mail 503 retryable", "b2 succeeded 250"]);
  });
});

test("a rejected message never costs the connection: ten refusals, and the eleventh is delivered", async () => {
  const numbers = Array.from({ length: 10 }, (_, i) => i + 1);
  const { fates } = await conversation(
    [...numbers.map((n) => message(n)), message(11)],
    `
    ${HELLO}
    ${numbers
      .map(
        (n) => `
      ${n === 1 ? "" : "C: RSET"}
      C: MAIL FROM:<a${n}@example.org>
      C: RCPT TO:<b${n}@example.net>
      C: DATA
      ${n === 1 ? "" : "S: 250 reset"}
      S: 250 ok
      S: 550 no such user
      S: 503 no recipient`,
      )
      .join("\n")}
    C: RSET
    C: MAIL FROM:<a11@example.org>
    C: RCPT TO:<b11@example.net>
    C: DATA
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 11
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual([...numbers.map((n) => `b${n} failed rcpt 550`), "b11 succeeded 250"]);
});
