import { BoundedPeerMemory, SmtpSession, type Timeouts } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, fate, HELLO, hello, message, ScriptedPeer } from "../support/scripted-peer.ts";

// PROTOCOL: deadlines per phase, for the oldest outstanding command. (A reply that drips in: dripping.test.ts.)

const QUICK = 50;
/** Where other commands, which are answered, have the same deadline. */
const UNHURRIED = 400;

const RETRYABLE = [
  "b1 failed connection ESMTP_TIMEOUT retryable",
  "b2 failed connection ESMTP_TIMEOUT retryable",
];

const SILENCES: readonly [string, Partial<Timeouts>, string, string, readonly string[]][] = [
  ["the greeting", { greeting: QUICK }, "", "greeting", RETRYABLE],
  ["EHLO", { command: UNHURRIED }, "S: 220 peer.example\nC: EHLO client.example", "EHLO", RETRYABLE],
  [
    "HELO",
    { command: UNHURRIED },
    "S: 220 peer.example\nC: EHLO client.example\nS: 500 what?\nC: HELO client.example",
    "HELO",
    RETRYABLE,
  ],
  ["MAIL", { mail: QUICK }, `${hello()}\nC: MAIL FROM:<a1@example.org>`, "MAIL", RETRYABLE],
  [
    "RCPT",
    { rcpt: QUICK },
    `${hello()}\nC: MAIL FROM:<a1@example.org>\nS: 250 ok\nC: RCPT TO:<b1@example.net>`,
    "RCPT",
    RETRYABLE,
  ],
  [
    "DATA",
    { data: QUICK },
    `
    ${hello()}
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: DATA`,
    "DATA",
    RETRYABLE,
  ],
  [
    "the end of a text",
    { message: QUICK },
    `
    ${hello()}
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 1
    C: .`,
    "text",
    ["b1 unknown ESMTP_TIMEOUT", "b2 failed connection ESMTP_TIMEOUT retryable"],
  ],
  [
    "RSET",
    { command: UNHURRIED },
    `
    ${hello()}
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 550 no such user
    C: RSET`,
    "RSET",
    ["b1 failed rcpt 550", "b2 failed connection ESMTP_TIMEOUT retryable"],
  ],
];

describe("silence", () => {
  test.each(SILENCES)("where the answer to %s is due", async (_, timeouts, script, command, expected) => {
    const { fates, error, reason, log } = await conversation([message(1), message(2)], script, {
      session: { timeouts },
    });
    expect(fates).toEqual(expected);
    expect([error, reason]).toEqual(["ESMTP_TIMEOUT", "timeout"]);
    expect(log.of("error")[0]?.error).toMatchObject({ command, retryable: true });
  });

  test("in a group: the deadline is that of the oldest command without an answer", async () => {
    const { fates, log } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net"] })],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<c1@example.net>
      C: DATA
      S: 250 ok
      S: 550 no such user
      -- client closes
      `,
      { session: { timeouts: { rcpt: QUICK } } },
    );
    expect(fates).toEqual(["b1 failed rcpt 550", "c1 failed connection ESMTP_TIMEOUT retryable"]);
    expect(log.of("error")[0]?.error.command).toBe("RCPT");
  });

  test("behind QUIT is no failure", async () => {
    const { error, reason } = await conversation([], `${HELLO}\nC: QUIT\n-- client closes`, {
      session: { timeouts: { closing: QUICK } },
      run: ({ session }) => session.connect(),
    });
    expect([error, reason]).toEqual([undefined, "quit"]);
  });

  test("of a server that answers QUIT and does not close is no failure", async () => {
    const { error, reason } = await conversation([], `${HELLO}${BYE}\n-- client closes`, {
      session: { timeouts: { closing: QUICK } },
      run: ({ session }) => session.connect(),
    });
    expect([error, reason]).toEqual([undefined, "quit"]);
  });

  test("while the connection is made", async () => {
    const session = new SmtpSession({
      connectSocket: () => new Promise(() => undefined),
      timeouts: { connect: QUICK },
      peers: new BoundedPeerMemory(),
    });
    const reasons: string[] = [];
    session.on("close", ({ reason }) => reasons.push(reason));
    const sent = session.pipeline(message(1));
    await expect(session.connect()).rejects.toMatchObject({ code: "ESMTP_TIMEOUT", retryable: true });
    expect((await sent).recipients.map(fate)).toEqual([RETRYABLE[0]]);
    await session.quit();
    expect(reasons).toEqual(["timeout"]);
  });
});

test("the very first group stalls: the next session is more careful, the one after it does not pipeline", async () => {
  const peer = await ScriptedPeer.start();
  const options = { session: { timeouts: { mail: QUICK } } };
  const stalled = `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    -- client closes`;

  const first = await peer.conversation([message(1), message(2)], stalled, options);
  expect(first.fates).toEqual(RETRYABLE);
  expect(first.warnings).toEqual(["ESMTP_PIPELINING_UNFIT"]);

  // Now without anything behind a text. That it knows so from the start, a session that goes well shows.
  const careful = await peer.conversation(
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
    S: 250 queued
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 550 no such user
    S: 503 no recipient
    ${BYE}
    `,
  );
  expect(careful.fates).toEqual(["b1 succeeded 250", "b2 failed rcpt 550"]);
  expect(careful.warnings).toEqual([]);

  const again = await peer.conversation([message(1), message(2)], stalled, options);
  expect(again.fates).toEqual(RETRYABLE);
  expect(again.warnings).toEqual(["ESMTP_PIPELINING_UNFIT"]);

  const last = await peer.conversation(
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
    ${BYE}
    `,
  );
  expect(last.fates).toEqual(["b1 succeeded 250"]);
  expect(last.warnings).toEqual([]);
});

test("a later group that stalls says nothing of groups", async () => {
  const { fates, warnings } = await conversation(
    [],
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
    -- client closes
    `,
    {
      session: { timeouts: { command: UNHURRIED } },
      run: async ({ send }) => {
        await send(message(1));
        await send(message(2));
      },
    },
  );
  expect(fates).toEqual(["b1 failed rcpt 550", RETRYABLE[1]]);
  expect(warnings).toEqual([]);
});
