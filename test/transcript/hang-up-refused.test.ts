import { describe, expect, test } from "vitest";
import { type ConversationOptions, conversation, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: A refused RSET or NOOP, which cannot be refused, is a suspicion that the server is hanging up.

const SOON: ConversationOptions = { session: { timeouts: { closing: 30 } } };

const TEXT_AND_FOLLOW_ON = `
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
    C: DATA`;

describe("RSET refused", () => {
  const REFUSED = `
      ${TEXT_AND_FOLLOW_ON}
      S: 250 queued
      S: 554 too many nonmail commands`;

  test("then the connection ends: nothing behind it was processed", async () => {
    const { fates, error, warnings } = await conversation(
      [message(1), message(2), message(3)],
      `
      ${REFUSED}
      -- close
      `,
    );
    expect(fates).toEqual([
      "b1 succeeded 250",
      "b2 failed connection ESMTP_SERVER_CLOSING retryable",
      "b3 failed connection ESMTP_SERVER_CLOSING retryable",
    ]);
    expect(error).toBe("ESMTP_SERVER_CLOSING");
    // It had not proved itself: what stood behind the dot may be why.
    expect(warnings).toEqual(["ESMTP_FOLLOW_ON_REFUSED"]);
  });

  test("then silence: the same", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${REFUSED}
      -- client closes
      `,
      SOON,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_SERVER_CLOSING retryable"]);
  });

  test("then a further reply: out of step", async () => {
    const { fates, error } = await conversation(
      [message(1), message(2)],
      `
      ${REFUSED}
      -- pause
      S: 250 ok
      -- client closes
      `,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 failed connection ESMTP_OUT_OF_STEP retryable"]);
    expect(error).toBe("ESMTP_OUT_OF_STEP");
  });

  test("where it leads a group of its own, 503 too", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 550 no such user
      S: 503 no recipient
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 503 never
      -- close
      `,
    );
    expect(fates).toEqual(["b1 failed rcpt 550", "b2 failed connection ESMTP_SERVER_CLOSING retryable"]);
  });
});

describe("NOOP refused", () => {
  const REFUSED = `
      ${HELLO}
      C: NOOP
      S: 500 no`;

  test.each([
    ["then the connection ends", "-- close", "ESMTP_SERVER_CLOSING"],
    ["then silence", "", "ESMTP_SERVER_CLOSING"],
    ["then a further reply", "-- pause\nS: 250 ok", "ESMTP_OUT_OF_STEP"],
  ])("%s: nothing more is written", async (_, then, code) => {
    const { fates, error } = await conversation(
      [],
      `
      ${REFUSED}
      ${then}
      -- client closes
      `,
      {
        ...SOON,
        run: async ({ session, send }) => {
          const noop = session.noop();
          const delivery = send(message(1));
          expect((await noop).code).toBe(500);
          await delivery;
        },
      },
    );
    expect(fates).toEqual([`b1 failed connection ${code} retryable`]);
    expect(error).toBe(code);
  });
});
