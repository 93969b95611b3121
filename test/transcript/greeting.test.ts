import { describe, expect, test } from "vitest";
import { BYE, conversation, hello, message, ScriptedPeer } from "../support/scripted-peer.ts";

// Greeting, EHLO and HELO.

const ALONE = `
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
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

test.each([
  ["554 no", "ESMTP_GREETING_REFUSED", "error"],
  ["421 busy", "ESMTP_GREETING_REFUSED", "server"],
  ["354 go on", "ESMTP_OUT_OF_STEP", "error"],
  ["100 wait", "ESMTP_OUT_OF_STEP", "error"],
  ["SSH-2.0-OpenSSH", "ESMTP_MALFORMED_REPLY", "error"],
])("the greeting %s: nothing is said, everything is retryable", async (greeting, code, because) => {
  const { fates, error, reason } = await conversation(
    [message(1), message(2)],
    `
    S: ${greeting}
    -- client closes
    `,
  );
  expect(fates).toEqual([`b1 failed connection ${code} retryable`, `b2 failed connection ${code} retryable`]);
  expect([error, reason]).toEqual([code, because]);
});

test.each([
  ["421 busy", "server"],
  ["451 later", "error"],
])("EHLO refused with %s: no HELO", async (reply, because) => {
  const { fates, error, reason } = await conversation(
    [message(1)],
    `
    S: 220 peer.example
    C: EHLO client.example
    S: ${reply}
    -- client closes
    `,
  );
  expect(fates).toEqual(["b1 failed connection ESMTP_HELLO_REFUSED retryable"]);
  expect([error, reason]).toEqual(["ESMTP_HELLO_REFUSED", because]);
});

test("EHLO and HELO refused", async () => {
  const { fates, error } = await conversation(
    [message(1)],
    `
    S: 220 peer.example
    C: EHLO client.example
    S: 502 what?
    C: HELO client.example
    S: 550 not you
    -- client closes
    `,
  );
  expect(fates).toEqual(["b1 failed connection ESMTP_HELLO_REFUSED retryable"]);
  expect(error).toBe("ESMTP_HELLO_REFUSED");
});

test("a greeting of many lines; the client says nothing before its last", async () => {
  const { fates } = await conversation(
    [message(1), message(2)],
    `
    S: 220-peer.example ESMTP
    S: 220-no spam
    -- pause
    S: 220 please
    C: EHLO client.example
    S: 250-peer.example
    -- pause
    S: 250-SIZE
    S: 250 8BITMIME
    C: MAIL FROM:<a1@example.org> SIZE=8
    S: 550 no
    C: MAIL FROM:<a2@example.org> SIZE=8
    S: 550 no
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 failed mail 550", "b2 failed mail 550"]);
});

test("a greeting that came before the client could have asked, with the EHLO reply: out of step", async () => {
  const { fates } = await conversation(
    [message(1)],
    `
    S: 220 peer.example
    S: 250 PIPELINING
    -- client closes
    `,
  );
  expect(fates).toEqual(["b1 failed connection ESMTP_OUT_OF_STEP retryable"]);
});

describe("a garbled banner", () => {
  test("no follow-on, remembered; within a message commands are pipelined", async () => {
    const peer = await ScriptedPeer.start();
    const script = `
      S: 220 ********************0*
      C: EHLO client.example
      S: 250-peer.example
      S: 250 PIPELINING
      ${ALONE}
      ${BYE}`;
    const first = await peer.conversation([message(1), message(2)], script);
    expect(first.fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
    expect(first.warnings).toEqual(["ESMTP_GARBLED_GREETING"]);

    // What was learnt is not said again, and holds for a banner that is not garbled any more.
    const second = await peer.conversation([message(1), message(2)], script);
    expect(second.warnings).toEqual([]);
    const third = await peer.conversation(
      [message(1), message(2)],
      `
      ${hello("PIPELINING")}
      ${ALONE}
      ${BYE}`,
    );
    expect(third.fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  });
});

test("what the server offers is there for the caller", async () => {
  await conversation(
    [],
    `
    ${hello("PIPELINING", "size 1000", "AUTH PLAIN LOGIN", "X-Thing")}
    ${BYE}
    `,
    {
      run: async ({ session }) => {
        await session.connect();
        expect(session.state).toBe("ready");
        expect(session.greeting?.code).toBe(220);
        expect([session.supports("SIZE"), session.supports("pipelining"), session.supports("DSN")]).toEqual([
          "1000",
          true,
          false,
        ]);
      },
    },
  );
});
