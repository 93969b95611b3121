import { expect, test } from "vitest";
import { BYE, type ConversationOptions, conversation, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: The fate of a recipient, with groups that never span messages.

const TRANSACTION: ConversationOptions = { session: { pipelining: "transaction" } };

test("the envelope is one group; nothing stands behind the end of a text", async () => {
  const { fates } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ RCPT TO:<c1@example.net>
    C+ DATA
    S: 250 ok
    S: 250 ok
    S: 550 no such user
    S: 354 go on
    C: Text 1
    C+ .
    S: 451 later
    C: MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C+ .
    S: 250 queued
    ${BYE}
    `,
    TRANSACTION,
  );
  expect(fates).toEqual(["b1 failed message 451 retryable", "c1 failed rcpt 550", "b2 succeeded 250"]);
});

test("MAIL or DATA refused: all replies are read, RSET leads the next group", async () => {
  const { fates } = await conversation(
    [message(1), message(2), message(3)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 451 not now
    S: 503 no sender
    S: 503 no recipient
    C: RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 554 no
    C: RSET
    C+ MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
    S: 250 reset
    S: 250 ok
    S: 550 no such user
    S: 503 no recipient
    ${BYE}
    `,
    TRANSACTION,
  );
  expect(fates).toEqual(["b1 failed mail 451 retryable", "b2 failed data 554", "b3 failed rcpt 550"]);
});

test("no recipient accepted and 354: the lone dot, and its reply is counted", async () => {
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
    S: 554 no valid recipients
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
    TRANSACTION,
  );
  expect(fates).toEqual(["b1 failed rcpt 550", "b2 succeeded 250"]);
});

test("the connection lost behind the end of a text: unknown", async () => {
  const { fates } = await conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    -- close
    `,
    TRANSACTION,
  );
  expect(fates).toEqual([
    "b1 unknown ESMTP_CONNECTION_LOST",
    "b2 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
});
