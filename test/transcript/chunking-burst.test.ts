import { describe, expect, test } from "vitest";
import { chunking } from "../support/chunking-option.ts";
import {
  ACCEPTED,
  burst,
  envelope,
  last,
  QUEUED,
  READY_FOR_BURSTS,
  TAKEN,
} from "../support/chunking-wire.ts";
import { BYE, conversation, message } from "../support/scripted-peer.ts";

// Bursts: several messages in flight, to a server that has shown that it bears them. Message 1 went before.

const AUTO = { session: chunking("auto") };
const THREE = [message(1), message(2), message(3)];
const FOUR = [...THREE, message(4)];

const lost = (n: number): unknown =>
  expect.stringMatching(new RegExp(`^b${n} failed connection .*retryable$`));
const unknown = (n: number): unknown => expect.stringMatching(new RegExp(`^b${n} unknown `));

const NOBODY = `
    S: 250 ok
    S: 550 no such user
    S: 503 no recipients
    S: 250 reset`;

describe("each message its own fate:", () => {
  test.each([
    ["nobody is accepted", NOBODY, "b2 failed rcpt 550"],
    [
      "RCPT is refused for now",
      "S: 250 ok\nS: 450 greylisted\nS: 554 no valid recipients\nS: 250 reset",
      "b2 failed rcpt 450 retryable",
    ],
    [
      "MAIL is refused",
      "S: 550 not you\nS: 503 no sender\nS: 503 no sender\nS: 250 reset",
      "b2 failed mail 550",
    ],
    [
      "MAIL is refused for now",
      "S: 451 later\nS: 503 no sender\nS: 503 no sender\nS: 250 reset",
      "b2 failed mail 451 retryable",
    ],
    [
      "the server kept the transaction before",
      "S: 503 sender already given\nS: 550 no\nS: 503 no recipients\nS: 250 reset",
      "b2 failed mail 503 retryable",
    ],
    [
      "MAIL is refused, RCPT accepted by a careless server",
      "S: 550 not you\nS: 250 ok\nS: 554 no\nS: 250 reset",
      "b2 failed mail 550",
    ],
    ["the text is refused", `${ACCEPTED}\nS: 554 5.7.1 spam\nS: 250 reset`, "b2 failed message 554"],
    [
      "the text is refused for now",
      `${ACCEPTED}\nS: 452 full\nS: 250 reset`,
      "b2 failed message 452 retryable",
    ],
    [
      "421 to RCPT, by a policy that goes on",
      "S: 250 ok\nS: 421 not now\nS: 503 no recipients\nS: 250 reset",
      "b2 failed rcpt 421 retryable",
    ],
    [
      "421 to the text, and it goes on",
      `${ACCEPTED}\nS: 421 busy\nS: 250 reset`,
      "b2 failed message 421 retryable",
    ],
  ])("%s", async (_, replies, expected) => {
    const { fates, error } = await conversation(
      THREE,
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${burst(3)}
      ${replies}
      ${TAKEN}
      ${BYE}`,
      AUTO,
    );
    expect(fates).toEqual(["b1 succeeded 250", expected, "b3 succeeded 250"]);
    expect(error).toBeUndefined();
  });

  test("some of the recipients are refused", async () => {
    const { fates, log } = await conversation(
      [message(1), message(2, { to: ["b2@example.net", "c2@example.net", "d2@example.net"] }), message(3)],
      `
      ${READY_FOR_BURSTS}
      ${envelope(2)}
      C: RCPT TO:<c2@example.net>
      C: RCPT TO:<d2@example.net>
      ${last(2)}
      ${burst(3)}
      S: 250 ok
      S: 550 no b
      S: 250 ok
      S: 450 no d
      ${QUEUED}
      ${TAKEN}
      ${BYE}`,
      AUTO,
    );
    expect(fates).toEqual([
      "b1 succeeded 250",
      "b2 failed rcpt 550",
      "c2 succeeded 250",
      "d2 failed rcpt 450 retryable",
      "b3 succeeded 250",
    ]);
    expect(log.of("recipientAccepted").map(({ address }) => address)).toEqual([
      "b1@example.net",
      "c2@example.net",
      "b3@example.net",
    ]);
  });

  test("replies that come one at a time", async () => {
    const { fates } = await conversation(
      THREE,
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${burst(3)}
      ${(NOBODY + TAKEN).replaceAll("S:", "-- pause\nS:")}
      ${BYE}`,
      AUTO,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 failed rcpt 550", "b3 succeeded 250"]);
  });
});

describe("what waits for the replies to RCPT in the midst of a burst", () => {
  test("requireAllRecipients", async () => {
    const { fates } = await conversation(
      [message(1), message(2), message(3, { requireAllRecipients: true })],
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${envelope(3)}
      ${TAKEN}
      ${ACCEPTED}
      ${last(3)}
      ${QUEUED}
      ${BYE}`,
      AUTO,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"]);
  });

  test("requireAllRecipients unmet: RSET, and none of its text", async () => {
    const { fates } = await conversation(
      [
        message(1),
        message(2),
        message(3, { to: ["b3@example.net", "c3@example.net"], requireAllRecipients: true }),
        message(4),
      ],
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${envelope(3)}
      C: RCPT TO:<c3@example.net>
      ${TAKEN}
      S: 250 ok
      S: 250 ok
      S: 550 no such user
      C: RSET
      ${envelope(4)}
      S: 250 reset
      ${ACCEPTED}
      ${last(4)}
      ${QUEUED}
      ${BYE}`,
      AUTO,
    );
    // Were that RSET refused, the text of 4 would go to b3 too: it waits for the replies.
    expect(fates).toEqual([
      "b1 succeeded 250",
      "b2 succeeded 250",
      "b3 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable",
      "c3 failed rcpt 550",
      "b4 succeeded 250",
    ]);
  });

  test("a text larger than limits.strictAbove", async () => {
    const { fates } = await conversation(
      [message(1), message(2), message(3, { data: `${"x".repeat(98)}\r\n` }), message(4)],
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${envelope(3)}
      ${TAKEN}
      ${ACCEPTED}
      C: BDAT 100 LAST
      C: ${"x".repeat(98)}
      C: RSET
      ${burst(4)}
      ${QUEUED}
      ${TAKEN}
      ${BYE}`,
      { session: chunking("auto", { limits: { strictAbove: 99 } }) },
    );
    expect(fates).toEqual([1, 2, 3, 4].map((n) => `b${n} succeeded 250`));
  });
});

describe("the connection is lost", () => {
  test("without a reply: unknown, all whose text left", async () => {
    const { fates } = await conversation(THREE, `${READY_FOR_BURSTS} ${burst(2)} ${burst(3)} -- close`, AUTO);
    expect(fates).toEqual([
      "b1 succeeded 250",
      "b2 unknown ESMTP_CONNECTION_LOST",
      "b3 unknown ESMTP_CONNECTION_LOST",
    ]);
  });

  test("behind some replies: what was decided stands", async () => {
    const { fates } = await conversation(
      FOUR,
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${burst(3)}
      ${burst(4)}
      ${TAKEN}
      S: 250 ok
      S: 550 no such user
      -- reset`,
      AUTO,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 failed rcpt 550", unknown(4)]);
  });
});

describe("a server that hangs up: what stood behind the reply was not looked at", () => {
  test("421 to MAIL", async () => {
    const { fates } = await conversation(
      FOUR,
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${burst(3)}
      ${burst(4)}
      ${TAKEN}
      S: 421 too many messages in one connection
      -- close`,
      AUTO,
    );
    expect(fates.slice(0, 2)).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
    expect(fates[2]).toMatch(/^b3 failed (?:mail|connection) .*retryable$/);
    expect(fates[3]).toEqual(lost(4));
  });

  test("554 to RSET, behind a transaction in vain", async () => {
    const { fates } = await conversation(
      FOUR,
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${burst(3)}
      ${burst(4)}
      S: 250 ok
      S: 550 no such user
      S: 503 no recipients
      S: 554 Too many nonmail commands
      -- close`,
      AUTO,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 failed rcpt 550", lost(3), lost(4)]);
  });

  test("421 to RCPT, then silence: as a lost connection", async () => {
    const { fates } = await conversation(
      FOUR,
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${burst(3)}
      ${burst(4)}
      ${TAKEN}
      S: 250 ok
      S: 421 later
      -- client closes`,
      { session: chunking("auto", { timeouts: { closing: 50 } }) },
    );
    expect(fates.slice(0, 2)).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
    expect(fates[2]).toBe("b3 failed rcpt 421 retryable");
    expect(fates[3]).toEqual(unknown(4));
  });

  test("421 to MAIL, then other replies, then the end: those count, and what is left is unknown", async () => {
    const { fates } = await conversation(
      FOUR,
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${burst(3)}
      ${burst(4)}
      S: 250 ok
      S: 421 not this one
      S: 503 no recipients
      S: 250 reset
      S: 250 ok
      -- close`,
      AUTO,
    );
    expect(fates).toEqual(["b1 succeeded 250", "b2 failed rcpt 421 retryable", unknown(3), unknown(4)]);
  });
});

describe("out of step: the session ends, what is not decided is unknown", () => {
  test.each([
    ["RSET is answered in other words", `${ACCEPTED}\nS: 250 queued\nS: 250 flushed`],
    ["the text is answered twice", `${ACCEPTED}\nS: 250 queued\nS: 250 queued\nS: 250 reset`],
    ["the text is answered in the words of RSET", `${ACCEPTED}\nS: 250 reset`],
    ["a surplus 250", `${ACCEPTED}\nS: 250 surplus\n${QUEUED}`],
    ["a text is taken whose MAIL was refused", "S: 550 no\nS: 250 ok\nS: 250 queued\nS: 250 reset"],
    ["354 to the text", `${ACCEPTED}\nS: 354 go on`],
    ["a 1yz", `${ACCEPTED}\nS: 150 wait`],
    ["a malformed reply", `${ACCEPTED}\nS: queued`],
  ])("%s", async (_, replies) => {
    const { fates, reason } = await conversation(
      FOUR,
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${burst(3)}
      ${burst(4)}
      ${replies}
      -- client closes`,
      AUTO,
    );
    expect(fates).toEqual(["b1 succeeded 250", unknown(2), unknown(3), unknown(4)]);
    expect(reason).toBe("error");
  });

  test("a reply behind a refused RSET", async () => {
    const { fates, reason } = await conversation(
      FOUR,
      `
      ${READY_FOR_BURSTS}
      ${burst(2)}
      ${burst(3)}
      ${burst(4)}
      S: 250 ok
      S: 550 no such user
      S: 503 no recipients
      S: 554 no
      S: 250 ok
      -- client closes`,
      AUTO,
    );
    // The refusal may have been another command's: a reply was too many.
    expect(fates).toEqual(["b1 succeeded 250", unknown(2), unknown(3), unknown(4)]);
    expect(reason).toBe("error");
  });
});

test("a success is told once the RSET behind it has been answered", async () => {
  const told: string[] = [];
  const seen: string[][] = [];
  const { fates } = await conversation(
    THREE,
    `
    ${READY_FOR_BURSTS}
    ${burst(2)}
    ${burst(3)}
    ${ACCEPTED}
    S: 250 queued
    -- look
    S: 250 reset
    -- look
    ${TAKEN}
    ${BYE}`,
    {
      ...AUTO,
      actions: { look: () => seen.push([...told]) },
      run: (caller) => {
        caller.session.on("recipientSucceeded", ({ messageId }) => told.push(messageId));
        return Promise.all(THREE.map((each) => caller.send(each)));
      },
    },
  );
  expect(seen).toEqual([["m1"], ["m1", "m2"]]);
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"]);
});

test("an ordinary command goes alone, behind all replies", async () => {
  const { fates } = await conversation(
    [],
    `
    ${READY_FOR_BURSTS}
    ${burst(2)}
    ${burst(3)}
    ${TAKEN}
    ${TAKEN}
    C: NOOP
    S: 250 noop
    ${burst(4)}
    ${TAKEN}
    ${BYE}`,
    {
      ...AUTO,
      run: ({ session, send }) => {
        const three = THREE.map((each) => send(each));
        return Promise.all([...three, session.noop(), send(message(4))]);
      },
    },
  );
  expect(fates).toEqual([1, 2, 3, 4].map((n) => `b${n} succeeded 250`));
});
