import { expect, test } from "vitest";
import { BYE, conversation, HELLO, hello, message } from "../support/scripted-peer.ts";

// PROTOCOL: requireAllRecipients. The text goes only if every recipient was accepted.

const BOTH = { requireAllRecipients: true, to: ["b1@example.net", "c1@example.net"] };

/** What follows message 1 where nothing may be open at the server, but something might. */
const SECOND_BEHIND_RSET = `
    C: RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued`;

const SECOND = SECOND_BEHIND_RSET.replace("C: RSET\n    C+ MAIL", "C: MAIL").replace("S: 250 reset\n", "");

test("met: DATA waits for the replies to RCPT, and the next message follows as ever", async () => {
  const { fates } = await conversation(
    [message(1, BOTH), message(2)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ RCPT TO:<c1@example.net>
    S: 250 ok
    S: 250 ok
    -- pause
    S: 250 ok
    C: DATA
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
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "c1 succeeded 250", "b2 succeeded 250"]);
});

test.each([
  ["550", "c1 failed rcpt 550"],
  ["452", "c1 failed rcpt 452 retryable"],
])("unmet with %s: no DATA, RSET leads the next group", async (code, refusal) => {
  const { fates, deliveries } = await conversation(
    [message(1, BOTH), message(2)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ RCPT TO:<c1@example.net>
    S: 250 ok
    S: 250 ok
    S: ${code} no
    ${SECOND_BEHIND_RSET}
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable", refusal, "b2 succeeded 250"]);
  expect(deliveries[0]?.error?.code).toBe("ESMTP_NOT_ALL_ACCEPTED");
});

test("all refused: each keeps its refusal", async () => {
  const { fates, deliveries } = await conversation(
    [message(1, BOTH), message(2)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    S: 250 ok
    S: 550 no such user
    S: 450 busy
    ${SECOND_BEHIND_RSET}
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 failed rcpt 550", "c1 failed rcpt 450 retryable", "b2 succeeded 250"]);
  expect(deliveries[0]?.error).toBeUndefined();
});

test("unmet and nothing behind it: QUIT, which may stand in an open transaction", async () => {
  const { fates } = await conversation(
    [message(1, BOTH)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    S: 250 ok
    S: 550 no such user
    S: 250 ok
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 failed rcpt 550", "c1 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable"]);
});

test("unmet, and the next message comes much later: RSET leads it all the same", async () => {
  const { fates } = await conversation(
    [],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    S: 250 ok
    S: 550 no such user
    S: 250 ok
    ${SECOND_BEHIND_RSET}
    ${BYE}
    `,
    {
      run: async ({ send }) => {
        await send(message(1, BOTH));
        await send(message(2));
      },
    },
  );
  expect(fates.at(-1)).toBe("b2 succeeded 250");
});

test("unmet in lock-step: the other recipients are still asked for", async () => {
  const { fates } = await conversation(
    [message(1, BOTH), message(2)],
    `
    ${hello()}
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 550 no such user
    C: RCPT TO:<c1@example.net>
    S: 250 ok
    C: RSET
    S: 250 reset
    C: MAIL FROM:<a2@example.org>
    S: 550 no
    ${BYE}
    `,
  );
  expect(fates).toEqual([
    "b1 failed rcpt 550",
    "c1 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable",
    "b2 failed mail 550",
  ]);
});

test("MAIL refused: the replies to RCPT are read, then it settles without DATA", async () => {
  const { fates } = await conversation(
    [message(1, BOTH), message(2)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    S: 550 not from you
    S: 503 no sender
    S: 503 no sender
    ${SECOND}
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 failed mail 550", "c1 failed mail 550", "b2 succeeded 250"]);
});

test.each([
  ["503, the server kept a transaction", "503 sender already given", "503 no", "mail 503 retryable"],
  ["550, and a RCPT accepted", "550 not from you", "250 ok", "mail 550"],
])("MAIL refused with %s: RSET leads the next group", async (_, mail, rcpt, expected) => {
  const { fates, log } = await conversation(
    [message(1, BOTH), message(2)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    S: ${mail}
    S: 503 no
    S: ${rcpt}
    ${SECOND_BEHIND_RSET}
    ${BYE}
    `,
  );
  expect(fates).toEqual([`b1 failed ${expected}`, `c1 failed ${expected}`, "b2 succeeded 250"]);
  expect(log.of("recipientAccepted").map(({ address }) => address)).toEqual(["b2@example.net"]);
});

test.each([
  ["invalid", "evil>\r\nRSET@example.net", "evil>\r\nRSET failed invalid ESMTP_INVALID_ADDRESS"],
  ["of no use to this server", "b\u00e91@example.net", "b\u00e91 failed unsupported ESMTP_UNSUPPORTED"],
])("an address that is %s: nothing is sent", async (_, address, expected) => {
  const { fates, log } = await conversation(
    [message(1, { ...BOTH, to: ["b1@example.net", address, "c1@example.net"] }), message(2)],
    `
    ${HELLO}
    ${SECOND}
    ${BYE}
    `,
  );
  expect(fates).toEqual([
    "b1 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable",
    expected,
    "c1 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable",
    "b2 succeeded 250",
  ]);
  expect(log.of("messageStart").map(({ messageId }) => messageId)).toEqual(["m2"]);
});

test("the connection lost before DATA: a refusal stands, the others are retryable", async () => {
  const { fates } = await conversation(
    [message(1, { ...BOTH, to: ["b1@example.net", "c1@example.net", "d1@example.net"] })],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    C: RCPT TO:<d1@example.net>
    S: 250 ok
    S: 250 ok
    S: 550 no such user
    -- close
    `,
  );
  expect(fates).toEqual([
    "b1 failed connection ESMTP_CONNECTION_LOST retryable",
    "c1 failed rcpt 550",
    "d1 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
});
