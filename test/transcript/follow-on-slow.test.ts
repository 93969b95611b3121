import { expect, test } from "vitest";
import { BYE, type ConversationOptions, HELLO, message, ScriptedPeer } from "../support/scripted-peer.ts";

// A server that is merely slower than timeouts.followOn, and answers everything in the end.

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

const ALONE = `
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued`;

test("with a 354: closed without text, retryable; sent anew on another session it is delivered once", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings, error } = await peer.conversation(
    [message(1), message(2), message(3)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    C: EHLO client.example
    # the marker came behind DATA: for this server it is text
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    -- client closes
    `,
    QUICK,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed connection ESMTP_FOLLOW_ON retryable",
    "b3 failed connection ESMTP_FOLLOW_ON retryable",
  ]);
  expect(error).toBe("ESMTP_FOLLOW_ON");
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);

  const next = await peer.conversation(
    [message(2), message(3)],
    `
    ${HELLO}
    ${ALONE}
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
  expect(next.fates).toEqual(["b2 succeeded 250", "b3 succeeded 250"]);
  expect(next.warnings).toEqual([]);
});

test("with DATA refused: all replies count, the session goes on without follow-ons", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2), message(3), message(4)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    C: EHLO client.example
    S: 250 reset
    S: 250 ok
    S: 550 no such user
    S: 503 no recipient
    -- pause
    S: 250-peer.example
    S: 250 PIPELINING
    # EHLO has cleared the transaction: no RSET
    C: MAIL FROM:<a3@example.org>
    C: RCPT TO:<b3@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C: .
    S: 250 queued
    C: MAIL FROM:<a4@example.org>
    C: RCPT TO:<b4@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 4
    C: .
    S: 250 queued
    ${BYE}
    `,
    QUICK,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed rcpt 550", "b3 succeeded 250", "b4 succeeded 250"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_SLOW"]);
});

test("with MAIL refused: its fate is booked, the session goes on", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    C: EHLO client.example
    S: 250 reset
    S: 452 no disk
    S: 503 no sender
    S: 503 no sender
    S: 250-peer.example
    S: 250 PIPELINING
    ${BYE}
    `,
    QUICK,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed mail 452 retryable"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_SLOW"]);
});

test("all 503, slowly: nothing was done, the message goes out again", async () => {
  const peer = await ScriptedPeer.start();
  const { fates } = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    C: EHLO client.example
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
    S: 503 pipelined after end of DATA
    -- pause
    S: 250-peer.example
    S: 250 PIPELINING
    ${ALONE}
    ${BYE}
    `,
    QUICK,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test("with requireAllRecipients: the envelope is gone with EHLO, the message goes out again from MAIL", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2, { to: ["b2@example.net", "c2@example.net"], requireAllRecipients: true })],
    `
    ${FIRST}
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: RCPT TO:<c2@example.net>
    S: 250 queued
    C: EHLO client.example
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 250 ok
    -- pause
    S: 250-peer.example
    S: 250 PIPELINING
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
    QUICK,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "c2 succeeded 250"]);
  expect(warnings).toEqual(["ESMTP_FOLLOW_ON_SLOW"]);
});

test("with requireAllRecipients unmet: its fates are booked, no RSET is owed behind EHLO", async () => {
  const peer = await ScriptedPeer.start();
  const { fates } = await peer.conversation(
    [
      message(1),
      message(2, { to: ["b2@example.net", "c2@example.net"], requireAllRecipients: true }),
      message(3),
    ],
    `
    ${FIRST}
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: RCPT TO:<c2@example.net>
    S: 250 queued
    C: EHLO client.example
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 550 no such user
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
    QUICK,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable",
    "c2 failed rcpt 550",
    "b3 succeeded 250",
  ]);
});

test("the text refused by its end, slowly: no marker while the dot is unanswered", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, warnings } = await peer.conversation(
    [message(1), message(2)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    # longer than followOn
    -- wait
    S: 554 spam
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
    {
      session: { timeouts: { followOn: 10 } },
      actions: { wait: () => new Promise((resolve) => setTimeout(resolve, 60)) },
    },
  );
  expect(fates).toEqual(["b1 failed message 554", "b2 succeeded 250"]);
  expect(warnings).toEqual([]);
});

test("the marker answered, but not with many lines: closed, retryable", async () => {
  const peer = await ScriptedPeer.start();
  const { fates, error } = await peer.conversation(
    [message(1), message(2), message(3)],
    `
    ${FIRST}
    ${FOLLOW_ON}
    S: 250 queued
    C: EHLO client.example
    S: 250 reset
    S: 250 ok
    S: 550 no such user
    S: 503 no recipient
    S: 250 hello again
    -- client closes
    `,
    QUICK,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed rcpt 550",
    "b3 failed connection ESMTP_FOLLOW_ON retryable",
  ]);
  expect(error).toBe("ESMTP_FOLLOW_ON");
});
