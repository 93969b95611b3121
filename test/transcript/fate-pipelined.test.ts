import { expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message } from "../support/scripted-peer.ts";

// PROTOCOL: The fate of a recipient, row by row, with pipelining across messages. A message behind shows that
// the rest of the session is unharmed.

test("an unfit recipient costs itself, an unfit sender its message; nothing of them is sent", async () => {
  const { fates, deliveries, log } = await conversation(
    [
      message(1, { to: ["b1@example.net", "evil>\r\nRSET@example.net", "c1@example.net"] }),
      message(2, { from: "no sender@example.org" }),
      message(3, { to: `${"x".repeat(65)}@example.net` }),
    ],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "evil>\r\nRSET failed invalid ESMTP_INVALID_ADDRESS",
    "c1 succeeded 250",
    "b2 failed invalid ESMTP_INVALID_ADDRESS",
    `${"x".repeat(65)} failed invalid ESMTP_INVALID_ADDRESS`,
  ]);
  expect(deliveries.map(({ ok }) => ok)).toEqual([false, false, false]);
  expect(log.of("messageStart").map(({ messageId }) => messageId)).toEqual(["m1"]);
});

test("a server that lacks what the message needs gets nothing of it", async () => {
  const { fates } = await conversation(
    [
      message(1, { data: "caf\u00e9\r\n" }),
      message(2, { data: "x".repeat(99) }),
      message(3, { to: ["b3@example.net", "b\u00e93@example.net"] }),
    ],
    `
    ${hello("PIPELINING", "SIZE 100")}
    C: MAIL FROM:<a3@example.org> SIZE=8
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
  expect(fates).toEqual([
    "b1 failed unsupported ESMTP_UNSUPPORTED",
    "b2 failed unsupported ESMTP_SIZE_EXCEEDED",
    "b3 succeeded 250",
    "b\u00e93 failed unsupported ESMTP_UNSUPPORTED",
  ]);
});

test.each([
  ["550", "b1 failed mail 550"],
  ["452", "b1 failed mail 452 retryable"],
  ["503", "b1 failed mail 503 retryable"],
])("MAIL refused with %s: settles when DATA is answered, RSET leads what follows", async (code, expected) => {
  const { fates, deliveries, log } = await conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ DATA
    S: ${code} not from you
    -- pause
    -- nothing is settled
    S: 503 no sender
    -- pause
    -- nothing is settled
    S: 503 no recipient
    C: RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
    { actions: { "nothing is settled": ({ session }) => expect(session.pending).toBe(2) } },
  );
  expect(fates).toEqual([expected, "b2 succeeded 250"]);
  expect(deliveries[0]?.reply?.text).toBe("not from you");
  expect(log.of("recipientAccepted").map(({ address }) => address)).toEqual(["b2@example.net"]);
});

test("MAIL refused in a follow-on: the replies to RCPT and DATA are read and decide nothing", async () => {
  const { fates, log } = await conversation(
    [message(1), message(2, { to: ["b2@example.net", "c2@example.net"] }), message(3)],
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
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: RCPT TO:<c2@example.net>
    C: DATA
    S: 250 queued
    S: 250 reset
    S: 553 not this sender
    S: 250 a careless server
    S: 550 no such user
    S: 503 no sender
    C: RSET
    C: MAIL FROM:<a3@example.org>
    C: RCPT TO:<b3@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed mail 553", "c2 failed mail 553", "b3 succeeded 250"]);
  expect(log.of("recipientAccepted").map(({ address }) => address)).toEqual([
    "b1@example.net",
    "b3@example.net",
  ]);
});

test("530 to MAIL ends the session: everything is retryable", async () => {
  const { fates, error, reason } = await conversation(
    [message(1), message(2), message(3)],
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
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 queued
    S: 250 reset
    S: 530 5.7.0 authentication required
    S: 503 no sender
    S: 503 no sender
    -- client closes
    `,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed connection ESMTP_AUTH_REQUIRED retryable",
    "b3 failed connection ESMTP_AUTH_REQUIRED retryable",
  ]);
  expect([error, reason]).toEqual(["ESMTP_AUTH_REQUIRED", "error"]);
});

test("RCPT refused costs its recipient, DATA refused those that RCPT had accepted", async () => {
  const { fates } = await conversation(
    [
      message(1, { to: ["b1@example.net", "c1@example.net", "d1@example.net"] }),
      message(2, { to: ["b2@example.net", "c2@example.net"] }),
      message(3),
    ],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    C: RCPT TO:<d1@example.net>
    C: DATA
    S: 250 ok
    S: 550 no such user
    S: 250 ok
    S: 450 greylisted
    S: 354 go on
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: RCPT TO:<c2@example.net>
    C: DATA
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 550 no such user
    S: 451 no disk
    C: RSET
    C: MAIL FROM:<a3@example.org>
    C: RCPT TO:<b3@example.net>
    C: DATA
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 554 not today
    ${BYE}
    `,
  );
  expect(fates).toEqual([
    "b1 failed rcpt 550",
    "c1 succeeded 250",
    "d1 failed rcpt 450 retryable",
    "b2 failed data 451 retryable",
    "c2 failed rcpt 550",
    "b3 failed data 554",
  ]);
});

test("the end of a text refused: booked on its own recipients, not on those of the envelope behind it", async () => {
  const { fates, log } = await conversation(
    [message(1), message(2), message(3)],
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
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 554 5.7.1 spam
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    C: RSET
    C: MAIL FROM:<a3@example.org>
    C: RCPT TO:<b3@example.net>
    C: DATA
    S: 451 later
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 failed message 554", "b2 failed message 451 retryable", "b3 succeeded 250"]);
  expect(log.of("recipientFailed")[0]?.reply?.enhanced).toBe("5.7.1");
});
