import { expect, test } from "vitest";
import { BYE, conversation, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: requireAllRecipients behind another text, whose answer is still owed.

/** Message 2, all or none, behind the text of message 1. */
const BEHIND_A_TEXT = `
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C+ .
    C+ RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ RCPT TO:<c2@example.net>`;

const SECOND_OF_BOTH = message(2, { requireAllRecipients: true, to: ["b2@example.net", "c2@example.net"] });

test("behind another text, met: its DATA goes once it is accepted", async () => {
  const { fates } = await conversation(
    [message(1), SECOND_OF_BOTH],
    `
    ${HELLO}
    ${BEHIND_A_TEXT}
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    -- pause
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "c2 succeeded 250"]);
});

test("behind another text, unmet: that text's fate is its own, RSET leads the next group", async () => {
  const { fates } = await conversation(
    [message(1), SECOND_OF_BOTH, message(3)],
    `
    ${HELLO}
    ${BEHIND_A_TEXT}
    S: 554 spam
    S: 250 reset
    S: 250 ok
    S: 550 no such user
    S: 250 ok
    C: RSET
    C+ MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
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
  expect(fates).toEqual([
    "b1 failed message 554",
    "b2 failed rcpt 550",
    "c2 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable",
    "b3 succeeded 250",
  ]);
});

test("behind another text, and the server refuses what stands there: it goes out again", async () => {
  const { fates, warnings } = await conversation(
    [message(1), SECOND_OF_BOTH],
    `
    ${HELLO}
    ${BEHIND_A_TEXT}
    S: 250 queued
    S: 503 pipelined after end of DATA
    S: 503 no
    S: 503 no
    S: 503 no
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: RCPT TO:<c2@example.net>
    S: 250 ok
    S: 250 ok
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "c2 succeeded 250"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);
});

test("behind another text, aborted before its RCPT are answered: no DATA, RSET leads the next group", async () => {
  const controller = new AbortController();
  const { fates } = await conversation(
    [message(1), { ...SECOND_OF_BOTH, signal: controller.signal }, message(3)],
    `
    ${HELLO}
    ${BEHIND_A_TEXT}
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 550 no such user
    -- pause
    -- abort
    S: 250 ok
    C: RSET
    C+ MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C: .
    S: 250 queued
    ${BYE}
    `,
    { actions: { abort: () => controller.abort() } },
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed rcpt 550",
    "c2 failed aborted ESMTP_ABORTED retryable",
    "b3 succeeded 250",
  ]);
});

test("behind another text, aborted, and the server refuses what stands there: it does not go out again", async () => {
  const controller = new AbortController();
  const { fates } = await conversation(
    [message(1), { ...SECOND_OF_BOTH, signal: controller.signal }, message(3)],
    `
    ${HELLO}
    ${BEHIND_A_TEXT}
    S: 250 queued
    -- pause
    -- abort
    S: 503 pipelined after end of DATA
    S: 503 no
    S: 503 no
    S: 503 no
    C: MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C: .
    S: 250 queued
    ${BYE}
    `,
    { actions: { abort: () => controller.abort() } },
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed aborted ESMTP_ABORTED retryable",
    "c2 failed aborted ESMTP_ABORTED retryable",
    "b3 succeeded 250",
  ]);
});

test("behind another text, aborted, and the server swallows what stands there: it does not go out again", async () => {
  const controller = new AbortController();
  const { fates, warnings } = await conversation(
    [message(1), { ...SECOND_OF_BOTH, signal: controller.signal }, message(3)],
    `
    ${HELLO}
    ${BEHIND_A_TEXT}
    S: 250 queued
    -- pause
    -- abort
    C: EHLO client.example
    S: 250-peer.example
    S: 250 PIPELINING
    C: MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C: .
    S: 250 queued
    ${BYE}
    `,
    { session: { timeouts: { followOn: 60 } }, actions: { abort: () => controller.abort() } },
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed aborted ESMTP_ABORTED retryable",
    "c2 failed aborted ESMTP_ABORTED retryable",
    "b3 succeeded 250",
  ]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_SWALLOWED"]);
});
