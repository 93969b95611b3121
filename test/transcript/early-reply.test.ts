import { describe, expect, test } from "vitest";
import { conversation, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: a reply comes while the text is being written; the peer closed while we were writing, having said why.

const ENVELOPE = `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 450 mailbox busy`;

/** More than the network holds while the peer does not read. */
const LARGE = Buffer.alloc(20_000_000, "0123456\r\n");
const messages = [message(1, { to: ["b1@example.net", "c1@example.net"], data: LARGE }), message(2)];

const REPLIES = [
  ["552 too large", "b1 failed message 552 ESMTP_EARLY_REPLY", "ESMTP_EARLY_REPLY"],
  ["452 disk full", "b1 failed message 452 ESMTP_EARLY_REPLY retryable", "ESMTP_EARLY_REPLY"],
  ["421 closing", "b1 failed message 421 ESMTP_EARLY_REPLY retryable", "ESMTP_EARLY_REPLY"],
  ["250 queued", "b1 unknown ESMTP_EARLY_REPLY", "ESMTP_EARLY_REPLY"],
  ["354 go on", "b1 failed connection ESMTP_OUT_OF_STEP retryable", "ESMTP_OUT_OF_STEP"],
  ["150 wait", "b1 failed connection ESMTP_OUT_OF_STEP retryable", "ESMTP_OUT_OF_STEP"],
  ["what?", "b1 failed connection ESMTP_MALFORMED_REPLY retryable", "ESMTP_MALFORMED_REPLY"],
] as const;

describe.each(REPLIES)("%s in mid-text", (reply, expected, code) => {
  test.each([
    ["and the server reads on", ""],
    ["and the server closes its side", "-- close"],
    ["and the server resets the connection", "-- reset"],
  ])("%s: stop and close, the reply decides", async (_, then) => {
    const { fates } = await conversation(
      messages,
      `
      ${ENVELOPE}
      -- stop reading
      S: 354 go on
      -- pause
      S: ${reply}
      ${then}
      -- text, not ended
      `,
    );
    expect(fates).toEqual([
      expected,
      "c1 failed rcpt 450 retryable",
      `b2 failed connection ${code} retryable`,
    ]);
  });
});

test.each(["-- close", "-- reset"])("%s in mid-text without a word: retryable", async (end) => {
  const { fates } = await conversation(
    messages,
    `
    ${ENVELOPE}
    -- stop reading
    S: 354 go on
    -- pause
    ${end}
    -- text, not ended
    `,
  );
  expect(fates).toEqual([
    "b1 failed connection ESMTP_CONNECTION_LOST retryable",
    "c1 failed rcpt 450 retryable",
    "b2 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
});

test("the reason and the reset in one turn of the event loop", async () => {
  const { fates } = await conversation(
    messages,
    `
    ${ENVELOPE}
    -- stop reading
    S: 354 go on
    S: 552 too large
    -- reset
    -- text, not ended
    `,
  );
  // Read together with the 354, before anything of the text was written: with a 354 both sides are in step.
  expect(fates).toEqual([
    "b1 failed message 552 ESMTP_EARLY_REPLY",
    "c1 failed rcpt 450 retryable",
    "b2 failed connection ESMTP_EARLY_REPLY retryable",
  ]);
});

test("the text refused and the connection reset behind its end: the reply is read first", async () => {
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
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 554 spam
    -- reset
    `,
  );
  expect(fates).toEqual(["b1 failed message 554", "b2 failed connection ESMTP_CONNECTION_LOST retryable"]);
});
