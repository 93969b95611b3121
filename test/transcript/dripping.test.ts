import type { SessionOptions } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { closed, conversation, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: a reply dripping in an octet at a time does not extend its deadline; nor does a network that takes nothing.

const ENVELOPE = `
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA`;

const TIMED_OUT = "b1 failed connection ESMTP_TIMEOUT retryable";

const PHASES: readonly [string, NonNullable<SessionOptions["timeouts"]>, string, string][] = [
  ["the greeting", { greeting: 40 }, "", TIMED_OUT],
  ["EHLO", { command: 40 }, "S: 220 peer.example\nC: EHLO client.example", TIMED_OUT],
  ["MAIL", { mail: 40 }, `${HELLO}${ENVELOPE}`, TIMED_OUT],
  ["RCPT", { rcpt: 40 }, `${HELLO}${ENVELOPE}\nS: 250 ok`, TIMED_OUT],
  ["DATA", { data: 40 }, `${HELLO}${ENVELOPE}\nS: 250 ok\nS: 250 ok`, TIMED_OUT],
  [
    "the end of the text",
    { message: 40 },
    `${HELLO}${ENVELOPE}\nS: 250 ok\nS: 250 ok\nS: 354 go on\nC: Text 1\nC: .`,
    "b1 unknown ESMTP_TIMEOUT",
  ],
];

describe.each(PHASES)("%s", (_, timeouts, script, expected) => {
  test("answered octet by octet, without end", async () => {
    const { fates, error } = await conversation(
      [message(1)],
      `
      ${script}
      -- drip
      `,
      { session: { timeouts } },
    );
    expect(fates).toEqual([expected]);
    expect(error).toBe("ESMTP_TIMEOUT");
  });
});

test("each reply gives the next command its time: a group as a whole may take longer than any deadline", async () => {
  const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 150));
  const { fates } = await conversation(
    [message(1)],
    `
    ${HELLO}
    ${ENVELOPE}
    -- wait
    S: 250 ok
    -- wait
    S: 250 ok
    -- wait
    S: 354 go on
    C: Text 1
    C: .
    S: 250 queued
    C: QUIT
    S: 221 bye
    `,
    { session: { timeouts: { mail: 400, rcpt: 280, data: 400 } }, actions: { wait } },
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
});

test("an ordinary command, in its turn", async () => {
  const { fates, error } = await conversation(
    [],
    `
    ${HELLO}
    C: VRFY b
    -- client closes
    `,
    {
      session: { timeouts: { command: 40 } },
      run: async ({ session, send }) => {
        const verified = session.verify("b").then(
          () => "answered",
          ({ code }: { code: string }) => code,
        );
        await send(message(1));
        expect(await verified).toBe("ESMTP_TIMEOUT");
      },
    },
  );
  expect(fates).toEqual([TIMED_OUT]);
  expect(error).toBe("ESMTP_TIMEOUT");
});

test("a server that takes no more octets of the text: retryable, and never ended", async () => {
  const { fates, error } = await conversation(
    [message(1, { data: Buffer.alloc(20_000_000, "0123456\r\n") }), message(2)],
    `
    ${HELLO}
    ${ENVELOPE}
    S: 250 ok
    S: 250 ok
    -- stop reading
    S: 354 go on
    -- until it is over
    -- text, not ended
    `,
    {
      session: { timeouts: { text: 60 } },
      actions: { "until it is over": ({ session }) => closed(session) },
    },
  );
  expect(fates).toEqual([TIMED_OUT, "b2 failed connection ESMTP_TIMEOUT retryable"]);
  expect(error).toBe("ESMTP_TIMEOUT");
});
