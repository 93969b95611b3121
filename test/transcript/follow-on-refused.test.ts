import { expect, test } from "vitest";
import { BYE, HELLO, message, ScriptedPeer } from "../support/scripted-peer.ts";

// Servers like Haraka 3.3: 503 to all that was in the buffer behind the dot.

const FIRST_ENVELOPE = `
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on`;

const FOLLOW_ON = `
    C: Text 1
    C+ .
    C+ RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA`;

const NO_FOLLOW_ON = `
    ${FIRST_ENVELOPE}
    C: Text 1
    C: .
    S: 250 queued
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued`;

test("all 503: the message goes out again, this peer gets no follow-on any more, the next session knows", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings, log } = await peer.conversation(
    [message(1), message(2), message(3)],
    `
    ${HELLO}
    ${FIRST_ENVELOPE}
    ${FOLLOW_ON}
    S: 250 queued
    S: 503 pipelined after end of DATA
    -- pause
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
    -- pause
    S: 503 pipelined after end of DATA
    C: MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C+ .
    S: 250 queued
    C: MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
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
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);
  // The caller sees one message and one fate.
  expect(log.of("messageStart").map(({ messageId }) => messageId)).toEqual(["m1", "m2", "m3"]);
  expect(log.of("recipientFailed")).toEqual([]);

  const next = await peer.conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    ${NO_FOLLOW_ON}
    ${BYE}
    `,
  );
  expect(next.fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  expect(next.warnings).toEqual([]);
});

test("all 503 with requireAllRecipients: the same", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2, { to: ["b2@example.net", "c2@example.net"], requireAllRecipients: true })],
    `
    ${HELLO}
    ${FIRST_ENVELOPE}
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: RCPT TO:<c2@example.net>
    S: 250 queued
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
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

test("the packets came apart (503, 250, 250, 354): closed without text, retryable, delivered once later", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings, error } = await peer.conversation(
    [message(1), message(2), message(3)],
    `
    ${HELLO}
    ${FIRST_ENVELOPE}
    ${FOLLOW_ON}
    S: 250 queued
    S: 503 pipelined after end of DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    -- client closes
    `,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed connection ESMTP_FOLLOW_ON retryable",
    "b3 failed connection ESMTP_FOLLOW_ON retryable",
  ]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);
  expect(error).toBe("ESMTP_FOLLOW_ON");

  const next = await peer.conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    ${NO_FOLLOW_ON}
    ${BYE}
    `,
  );
  expect(next.fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test.each([
  ["503 503 250 354", ["503", "503", "250", "354"]],
  ["503 503 503 354", ["503", "503", "503", "354"]],
  ["503 503 503 554", ["503", "503", "503", "554"]],
  ["503 530 503 503", ["503", "530", "503", "503"]],
])("RSET refused, then not all 503 (%s): closed without text", async (_, codes) => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    ${FIRST_ENVELOPE}
    ${FOLLOW_ON}
    S: 250 queued
    ${codes.map((code) => `S: ${code} x`).join("\n")}
    -- client closes
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_FOLLOW_ON retryable"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);
});

test("RSET refused with 503, then silence: closed without text", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    ${FIRST_ENVELOPE}
    ${FOLLOW_ON}
    S: 250 queued
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
    -- client closes
    `,
    { session: { timeouts: { followOn: 30 } } },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_FOLLOW_ON retryable"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);
});

test("RSET refused with 503, then closed: the message was not begun", async () => {
  const peer = await ScriptedPeer.start();
  const { fates } = await peer.conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    ${FIRST_ENVELOPE}
    ${FOLLOW_ON}
    S: 250 queued
    S: 503 pipelined after end of DATA
    -- close
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_CONNECTION_LOST retryable"]);
});

test("the dot refused, then all 503: the refusal is the first message's", async () => {
  const peer = await ScriptedPeer.start();
  const { fates } = await peer.conversation(
    [message(1), message(2)],
    `
    ${HELLO}
    ${FIRST_ENVELOPE}
    ${FOLLOW_ON}
    S: 554 spam
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
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
  );
  expect(fates).toEqual(["b1 failed message 554", "b2 succeeded 250"]);
});

test("a proven server that refuses later: each follow-on is watched", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2), message(3)],
    `
    ${HELLO}
    ${FIRST_ENVELOPE}
    ${FOLLOW_ON}
    S: 250 queued
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
    S: 250 queued
    S: 503 no
    S: 503 no
    S: 503 no
    S: 503 no
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
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);
});
