import { describe, expect, test } from "vitest";
import { closed, conversation, HELLO, hello, message, ScriptedPeer } from "../support/scripted-peer.ts";

// PROTOCOL: An unsolicited, malformed or surplus reply, a 1xx anywhere, a 2xx to DATA, a 3xx to anything but DATA:
// never guess.

const ENVELOPE = `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA`;

const TEXT = `
    ${ENVELOPE}
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .`;

const FOLLOW_ON = `
    ${TEXT}
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA`;

test.each([
  ["1xx to MAIL", "S: 150 wait", "ESMTP_OUT_OF_STEP"],
  ["3xx to MAIL", "S: 354 go on", "ESMTP_OUT_OF_STEP"],
  ["1xx to RCPT", "S: 250 ok\nS: 100 wait", "ESMTP_OUT_OF_STEP"],
  ["3xx to RCPT", "S: 250 ok\nS: 354 go on", "ESMTP_OUT_OF_STEP"],
  ["1xx to DATA", "S: 250 ok\nS: 250 ok\nS: 199 wait", "ESMTP_OUT_OF_STEP"],
  ["2xx to DATA", "S: 250 ok\nS: 250 ok\nS: 250 ok", "ESMTP_OUT_OF_STEP"],
  ["no code", "S: 250 ok\nS: hello", "ESMTP_MALFORMED_REPLY"],
  ["a code of two digits", "S: 25 ok", "ESMTP_MALFORMED_REPLY"],
  ["a code above 599", "S: 650 ok", "ESMTP_MALFORMED_REPLY"],
  ["no separator", "S: 250ok", "ESMTP_MALFORMED_REPLY"],
  ["an empty line", "S> <CR><LF>", "ESMTP_MALFORMED_REPLY"],
  ["codes that differ in one reply", "S: 250-ok\nS: 251 ok", "ESMTP_MALFORMED_REPLY"],
  ["a line without an end", `S> 250 ${"x".repeat(5_000)}`, "ESMTP_REPLY_TOO_LONG"],
  ["a reply without an end", "S: 250-ok\n".repeat(300), "ESMTP_REPLY_TOO_LONG"],
])("%s: closed without text, retryable", async (_, replies, code) => {
  const { fates, error, reason } = await conversation(
    [message(1), message(2)],
    `
    ${ENVELOPE}
    ${replies}
    -- client closes
    `,
  );
  expect(fates).toEqual([`b1 failed connection ${code} retryable`, `b2 failed connection ${code} retryable`]);
  expect([error, reason]).toEqual([code, "error"]);
});

test.each([
  ["354 go on", "ESMTP_OUT_OF_STEP"],
  ["150 wait", "ESMTP_OUT_OF_STEP"],
  ["what?", "ESMTP_MALFORMED_REPLY"],
])("%s to the end of a text: unknown, and the rest is retryable", async (reply, code) => {
  const { fates } = await conversation(
    [message(1), message(2), message(3)],
    `
    ${FOLLOW_ON}
    S: ${reply}
    -- client closes
    `,
  );
  expect(fates).toEqual([
    `b1 unknown ${code}`,
    `b2 failed connection ${code} retryable`,
    `b3 failed connection ${code} retryable`,
  ]);
});

describe("a surplus reply", () => {
  test("behind the last reply: the session fails, what succeeded stays", async () => {
    const { fates, error } = await conversation(
      [message(1)],
      `
      ${TEXT}
      S: 250 queued
      S: 250 queued again
      -- client closes
      `,
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
    expect(error).toBe("ESMTP_OUT_OF_STEP");
  });

  test("to the text: the replies of the follow-on are shifted, 2xx comes to DATA, no text is sent", async () => {
    const { fates, error } = await conversation(
      [message(1), message(2), message(3)],
      `
      ${FOLLOW_ON}
      S: 250 queued
      S: 250 queued again
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 354 go on
      -- client closes
      `,
    );
    expect(fates).toEqual([
      "b1 succeeded 250",
      "b2 failed connection ESMTP_OUT_OF_STEP retryable",
      "b3 failed connection ESMTP_OUT_OF_STEP retryable",
    ]);
    expect(error).toBe("ESMTP_OUT_OF_STEP");
  });

  test("in an idle session", async () => {
    const { error, reason } = await conversation(
      [],
      `
      ${HELLO}
      -- pause
      S: 250 still there?
      -- client closes
      `,
      {
        run: async ({ session }) => {
          await session.connect();
          await closed(session);
        },
      },
    );
    expect([error, reason]).toEqual(["ESMTP_OUT_OF_STEP", "error"]);
  });

  test("in the same packet as the 354: nothing is taken for the answer to a text that was not sent", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${ENVELOPE}
      S: 250 ok
      S: 250 ok
      S: 354 go on
      S: 250 queued already
      -- client closes
      `,
    );
    expect(fates).toEqual([
      "b1 failed connection ESMTP_OUT_OF_STEP retryable",
      "b2 failed connection ESMTP_OUT_OF_STEP retryable",
    ]);
  });
});

test("replies cut anywhere are the same replies", async () => {
  const { fates } = await conversation(
    [message(1)],
    `
    S> 2
    -- pause
    S> 20 peer.example ESMTP<CR>
    -- pause
    S> <LF>
    C: EHLO client.example
    S> 250-peer.exa
    -- pause
    S> mple<CR><LF>250 PIPELI
    -- pause
    S> NING<CR><LF>
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S> 250<CR><LF>25
    -- pause
    S> 0-one<LF>250
    -- pause
    S> <CR><LF>354 go on<LF>
    C: Text 1
    C: .
    S> 250-queued<CR><LF>250 as 1<CR><LF>
    C: QUIT
    S: 221 bye
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
});

test("out of step is remembered: first no follow-on, then no pipelining", async () => {
  const peer = await ScriptedPeer.start();
  const first = await peer.conversation(
    [message(1)],
    `
    ${ENVELOPE}
    S: 354 go on
    -- client closes
    `,
  );
  expect(first.warnings).toEqual(["ESMTP_PIPELINING_UNFIT"]);

  const second = await peer.conversation(
    [message(1), message(2)],
    `
    ${TEXT}
    S: 250 queued
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    -- client closes
    `,
  );
  expect(second.fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_OUT_OF_STEP retryable"]);
  expect(second.warnings).toEqual(["ESMTP_PIPELINING_UNFIT"]);

  const third = await peer.conversation(
    [message(1)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 1
    C: .
    S: 250 queued
    C: QUIT
    S: 221 bye
    `,
  );
  expect(third.fates).toEqual(["b1 succeeded 250"]);
  expect(third.warnings).toEqual([]);

  // Another software behind the same name is another peer.
  const other = await peer.conversation(
    [message(1)],
    `
    ${hello("PIPELINING", "ENHANCEDSTATUSCODES")}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    S: 250 queued
    C: QUIT
    S: 221 bye
    `,
  );
  expect(other.fates).toEqual(["b1 succeeded 250"]);
});
