import { expect, test } from "vitest";
import { BYE, type ConversationOptions, HELLO, message, ScriptedPeer } from "../support/scripted-peer.ts";

// Servers like chasquid 1.11: the dot is answered, what stood behind it in the buffer never.

const QUICK: ConversationOptions = { session: { timeouts: { followOn: 30 } } };

const FIRST = `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .`;

const FOLLOW_ON = `
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA`;

const AGAIN = `
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued`;

test("all swallowed: EHLO as a marker, the message goes out again, the next session knows", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings, log } = await peer.conversation(
    [message(1), message(2), message(3)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    # silence for timeouts.followOn
    C: EHLO client.example
    S: 250-peer.example
    S: 250 PIPELINING
    ${AGAIN}
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
    QUICK,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_SWALLOWED"]);
  expect(log.of("messageStart").map(({ messageId }) => messageId)).toEqual(["m1", "m2", "m3"]);
  const swallowed = log.of("groupEnd").find(({ group }) => group.sent[0] === ".")?.group;
  expect(swallowed?.codes).toEqual([250, undefined, undefined, undefined, undefined]);

  const next = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    S: 250 queued
    ${AGAIN}
    ${BYE}
    `,
    QUICK,
  );
  expect(next.fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  expect(next.warnings).toEqual([]);
});

test("the dot refused, the rest swallowed: the refusal is the first message's", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 451 later
    C: EHLO client.example
    S: 250-peer.example
    S: 250 PIPELINING
    ${AGAIN}
    ${BYE}
    `,
    QUICK,
  );
  expect(fates).toEqual(["b1 failed message 451 retryable", "b2 succeeded 250"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_SWALLOWED"]);
});

test("swallowed with requireAllRecipients: the same", async () => {
  const peer = await ScriptedPeer.start();
  const { fates } = await peer.conversation(
    [message(1), message(2, { requireAllRecipients: true })],
    `
    ${FIRST}
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    S: 250 queued
    C: EHLO client.example
    S: 250-peer.example
    S: 250 PIPELINING
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    S: 250 ok
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
    QUICK,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test("aborted while the marker is out: the message does not go out again", async () => {
  const peer = await ScriptedPeer.start();
  const controller = new AbortController();
  const { fates } = await peer.conversation(
    [message(1), message(2, { requireAllRecipients: true, signal: controller.signal }), message(3)],
    `
    ${FIRST}
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    S: 250 queued
    C: EHLO client.example
    -- abort
    S: 250-peer.example
    S: 250 PIPELINING
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
    { ...QUICK, actions: { abort: () => controller.abort() } },
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed aborted ESMTP_ABORTED retryable",
    "b3 succeeded 250",
  ]);
});

test("RSET alone swallowed: its replies are out of step, closed without text", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings, error } = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    # RSET is swallowed; what follows answers MAIL, RCPT and DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    -- client closes
    `,
    QUICK,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_OUT_OF_STEP retryable"]);
  expect(error).toBe("ESMTP_OUT_OF_STEP");
  expect(warnings).toEqual(["ESMTP_PIPELINING_UNFIT"]);

  const next = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    S: 250 queued
    ${AGAIN}
    ${BYE}
    `,
    QUICK,
  );
  expect(next.fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test("RSET and MAIL swallowed (503 503, then silence): closed without text", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    S: 503 no sender
    S: 503 no sender
    -- client closes
    `,
    QUICK,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_FOLLOW_ON retryable"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);
});

test.each([
  ["250", "the RSET's reply only"],
  ["503", "one refusal"],
])("something between (%s) and then the marker: closed without text, retryable", async (code) => {
  const peer = await ScriptedPeer.start();
  const { fates, error } = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    C: EHLO client.example
    S: ${code} x
    S: 250-peer.example
    S: 250 PIPELINING
    -- client closes
    `,
    QUICK,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_FOLLOW_ON retryable"]);
  expect(error).toBe("ESMTP_FOLLOW_ON");
});

test("the marker is not answered: closed, retryable", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, error, reason } = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    C: EHLO client.example
    -- client closes
    `,
    { session: { timeouts: { followOn: 30, command: 60 } } },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_TIMEOUT retryable"]);
  expect([error, reason]).toEqual(["ESMTP_TIMEOUT", "timeout"]);
});

test("the dot itself unanswered is no swallowing: no marker before its reply", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, error } = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    -- client closes
    `,
    { session: { timeouts: { followOn: 10, message: 120 } } },
  );
  expect(fates).toEqual(["b1 unknown ESMTP_TIMEOUT", "b2 failed connection ESMTP_TIMEOUT retryable"]);
  expect(error).toBe("ESMTP_TIMEOUT");
});
