import { expect, test } from "vitest";
import { chunking } from "../support/chunking-option.ts";
import { ACCEPTED, alone, envelope, HELLO_CHUNKING, last, QUEUED } from "../support/chunking-wire.ts";
import { BYE, conversation, HELLO, message } from "../support/scripted-peer.ts";

// RFC 3030 §2 to the letter: BDAT only behind the replies to RCPT; the next envelope right behind its octets.

const STRICT = { session: chunking("strict") };

test("text, RSET and the next envelope leave in one write; one round trip a message", async () => {
  const { fates, error } = await conversation(
    [message(1), message(2), message(3)],
    `
    ${HELLO_CHUNKING}
    C: MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    S: 250 ok
    S: 250 ok
    C: BDAT 8 LAST
    C+ Text 1
    C+ RSET
    C+ MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    C: BDAT 8 LAST
    C+ Text 2
    C+ RSET
    C+ MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    C: BDAT 8 LAST
    C+ Text 3
    C+ RSET
    S: 250 queued
    S: 250 reset
    ${BYE}`,
    STRICT,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250", "b3 succeeded 250"]);
  expect(error).toBeUndefined();
});

test("one command of a group and its reply at a time is the same conversation", async () => {
  const { fates } = await conversation(
    [message(1), message(2)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    S: 250 ok
    -- pause
    S: 250 ok
    ${last(1)}
    ${envelope(2)}
    S: 250 queued
    -- pause
    S: 250 reset
    -- pause
    S: 250 ok
    -- pause
    S: 250 ok
    ${last(2)}
    S: 250 queued
    -- pause
    S: 250 reset
    ${BYE}`,
    STRICT,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test('without CHUNKING the text goes with DATA, "strict" or not', async () => {
  for (const mode of ["strict", "auto"] as const) {
    const { fates } = await conversation(
      [message(1)],
      `
      ${HELLO}
      ${envelope(1)}
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 1
      C: .
      S: 250 queued
      ${BYE}`,
      { session: chunking(mode) },
    );
    expect(fates).toEqual(["b1 succeeded 250"]);
  }
});

test('chunking "off": no BDAT, though CHUNKING is offered', async () => {
  const { fates } = await conversation(
    [message(1)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    S: 250 queued
    ${BYE}`,
    { session: chunking("off") },
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
});

test("to a server that nothing is known of fewer than three messages go with DATA, without a probe", async () => {
  const { fates } = await conversation(
    [message(1), message(2)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    C: DATA
    ${ACCEPTED}
    S: 354 go on
    C: Text 1
    C: .
    C: RSET
    ${envelope(2)}
    C: DATA
    ${QUEUED}
    ${ACCEPTED}
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}`,
    { session: chunking("auto") },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test('pipelining "transaction": nothing of the next message behind the text', async () => {
  const { fates } = await conversation(
    [message(1), message(2)],
    `
    ${HELLO_CHUNKING}
    ${alone(1)}
    ${alone(2)}
    ${BYE}`,
    { session: { ...chunking("strict"), pipelining: "transaction" } },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test("requireAllRecipients: nothing is sent where one is refused, and RSET leads what follows", async () => {
  const { fates } = await conversation(
    [
      message(1, { to: ["b1@example.net", "c1@example.net"], requireAllRecipients: true }),
      message(2, { requireAllRecipients: true }),
    ],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    C: RCPT TO:<c1@example.net>
    S: 250 ok
    S: 250 ok
    S: 550 no such user
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    S: 250 reset
    ${ACCEPTED}
    ${last(2)}
    ${QUEUED}
    ${BYE}`,
    STRICT,
  );
  expect(fates).toEqual([
    "b1 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable",
    "c1 failed rcpt 550",
    "b2 succeeded 250",
  ]);
});

test("what the events and the groups tell: lines of commands, never octets", async () => {
  const { log } = await conversation(
    [message(1), message(2)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    ${ACCEPTED}
    ${last(1)}
    ${envelope(2)}
    ${QUEUED}
    ${ACCEPTED}
    ${last(2)}
    S: 451 later
    S: 250 reset
    ${BYE}`,
    STRICT,
  );
  expect(
    log
      .of("sent")
      .map(({ line }) => line)
      .slice(1),
  ).toEqual([
    "MAIL FROM:<a1@example.org>",
    "RCPT TO:<b1@example.net>",
    "BDAT 8 LAST",
    "RSET",
    "MAIL FROM:<a2@example.org>",
    "RCPT TO:<b2@example.net>",
    "BDAT 8 LAST",
    "RSET",
    "QUIT",
  ]);
  const texts = log.of("reply").filter(({ command }) => command === "BDAT");
  expect(texts.map(({ messageId, reply }) => [messageId, reply.code])).toEqual([
    ["m1", 250],
    ["m2", 451],
  ]);
  const groups = log
    .of("groupEnd")
    .flatMap(({ group }) => (group.sent[0]?.startsWith("BDAT") ? [group] : []));
  expect(groups.map(({ sent, codes }) => [sent, codes])).toEqual([
    [
      ["BDAT 8 LAST", "RSET", "MAIL FROM:<a2@example.org>", "RCPT TO:<b2@example.net>"],
      [250, 250, 250, 250],
    ],
    [
      ["BDAT 8 LAST", "RSET"],
      [451, 250],
    ],
  ]);
  expect(groups[1]?.errors.map(({ line }) => line)).toEqual(["BDAT 8 LAST"]);
  expect(groups[0]?.recipients.succeeded).toEqual(["b1@example.net"]);
});
