import { expect, test } from "vitest";
import { BYE, type ConversationOptions, conversation, message } from "../support/scripted-peer.ts";

// RFC 2033: one reply to a text for each accepted recipient, in their order.

const LMTP: ConversationOptions = { session: { protocol: "lmtp" } };

const LHLO = `
    S: 220 store.example LMTP
    C: LHLO client.example
    S: 250-store.example
    S: 250-PIPELINING
    S: 250 ENHANCEDSTATUSCODES`;

const THREE = message(1, { to: ["b1@example.net", "c1@example.net", "d1@example.net"] });

const ENVELOPE_OF_THREE = `
    ${LHLO}
    C: MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ RCPT TO:<c1@example.net>
    C+ RCPT TO:<d1@example.net>
    C+ DATA`;

const TEXT_TO_THREE = `
    ${ENVELOPE_OF_THREE}
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C+ .`;

test("each reply to the text decides its own recipient's fate", async () => {
  const { fates, deliveries, log, reason } = await conversation(
    [THREE],
    `
    ${TEXT_TO_THREE}
    S: 250 2.0.0 stored for b
    S: 452 4.2.2 c is full
    S: 550 5.2.1 d is closed
    ${BYE}
    `,
    LMTP,
  );
  expect(fates).toEqual(["b1 succeeded 250", "c1 failed message 452 retryable", "d1 failed message 550"]);
  const [delivery] = deliveries;
  expect(delivery?.recipients.map((each) => "reply" in each && each.reply?.text)).toEqual([
    "2.0.0 stored for b",
    "4.2.2 c is full",
    "5.2.1 d is closed",
  ]);
  // Of several decisions none is the message's.
  expect([delivery?.ok, delivery?.reply, delivery?.error]).toEqual([false, undefined, undefined]);
  const told = ["recipientSucceeded", "recipientFailed", "messageEnd", "promise"];
  expect(log.names.filter((name) => told.includes(name))).toEqual([
    "recipientSucceeded",
    "recipientFailed",
    "recipientFailed",
    "messageEnd",
    "promise",
  ]);
  expect(log.of("recipientFailed").map(({ address }) => address)).toEqual([
    "c1@example.net",
    "d1@example.net",
  ]);
  expect(reason).toBe("quit");
});

test("the group of the text has one exchange a recipient, and its octets once", async () => {
  const { log } = await conversation(
    [THREE],
    `
    ${TEXT_TO_THREE}
    S: 250 b
    S: 452 c
    S: 250 d
    ${BYE}
    `,
    LMTP,
  );
  const group = log.of("groupEnd").find(({ group: { sent } }) => sent.includes("."))?.group;
  expect(group).toMatchObject({
    sent: [".", ".", "."],
    codes: [250, 452, 250],
    messages: ["b", "c", "d"],
    bytesSent: "Text 1\r\n.\r\n".length,
    bytesReceived: "250 b\r\n452 c\r\n250 d\r\n".length,
    recipients: {
      accepted: [],
      succeeded: ["b1@example.net", "d1@example.net"],
      failed: ["c1@example.net"],
      unknown: [],
    },
  });
  expect(
    group?.exchanges.map(({ command, recipient, messageId }) => [command, recipient, messageId]),
  ).toEqual([
    ["text", "b1@example.net", "m1"],
    ["text", "c1@example.net", "m1"],
    ["text", "d1@example.net", "m1"],
  ]);
  expect(group?.errors.map(({ recipient }) => recipient)).toEqual(["c1@example.net"]);
  // It was written once, and answered three times.
  expect(log.of("sent").filter(({ line }) => line === ".")).toMatchObject([{ bytes: 11 }]);
  const replies = log.of("reply").filter(({ command }) => command === "text");
  expect(replies.map(({ recipient, reply }) => [recipient, reply.code])).toEqual([
    ["b1@example.net", 250],
    ["c1@example.net", 452],
    ["d1@example.net", 250],
  ]);
});

test("a group's limit of commands does not tear the replies to one text apart", async () => {
  const { log, fates } = await conversation(
    [THREE],
    `
    ${TEXT_TO_THREE}
    S: 250 b
    S: 250 c
    S: 250 d
    ${BYE}
    `,
    { session: { protocol: "lmtp", limits: { groupCommands: 2 } } },
  );
  expect(fates).toEqual(["b1 succeeded 250", "c1 succeeded 250", "d1 succeeded 250"]);
  expect(log.of("groupEnd").map(({ group: { sent } }) => sent)).toEqual([
    [""],
    ["LHLO client.example"],
    ["MAIL FROM:<a1@example.org>", "RCPT TO:<b1@example.net>"],
    ["RCPT TO:<c1@example.net>", "RCPT TO:<d1@example.net>"],
    ["DATA"],
    [".", ".", "."],
    ["QUIT"],
  ]);
});

test("a recipient that RCPT refused is owed no reply; a recipient named twice is owed two", async () => {
  const { fates, deliveries } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net", "b1@example.net"] })],
    `
    ${LHLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 nobody
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    S: 250 once
    S: 250 twice
    ${BYE}
    `,
    LMTP,
  );
  expect(fates).toEqual(["b1 succeeded 250", "c1 failed rcpt 550", "b1 succeeded 250"]);
  expect(deliveries[0]?.reply?.text).toBe("twice");
});

test.each([
  ["250", "251", "251 last"],
  ["550", "554", "554 last"],
  ["450", "452", "452 last"],
  ["450", "550", undefined],
  ["250", "450", undefined],
])("%s and %s: the reply of the delivery is %s", async (first, second, expected) => {
  const { deliveries } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net"] })],
    `
    ${LHLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    S: ${first} first
    S: ${second} last
    ${BYE}
    `,
    LMTP,
  );
  const reply = deliveries[0]?.reply;
  expect(reply && `${reply.code} ${reply.text}`).toBe(expected);
});

test("nothing goes behind a dot before all its replies have come, and no RSET leads what does", async () => {
  const { fates, warnings } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2), message(3)],
    `
    ${LHLO}
    C: MAIL FROM:<a1@example.org>
    C+ RCPT TO:<b1@example.net>
    C+ RCPT TO:<c1@example.net>
    C+ DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C+ .
    -- pause
    S: 250 stored
    -- pause
    S: 550 full
    C: MAIL FROM:<a2@example.org>
    C+ RCPT TO:<b2@example.net>
    C+ DATA
    S: 250 ok
    S: 550 nobody
    S: 503 no recipient
    C: RSET
    C+ MAIL FROM:<a3@example.org>
    C+ RCPT TO:<b3@example.net>
    C+ DATA
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C+ .
    S: 250 stored
    ${BYE}
    `,
    LMTP,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "c1 failed message 550",
    "b2 failed rcpt 550",
    "b3 succeeded 250",
  ]);
  expect(warnings).toEqual([]);
});

test.each<[string, ConversationOptions]>([
  ["without PIPELINING", LMTP],
  ['with pipelining: "off"', { session: { protocol: "lmtp", pipelining: "off" } }],
])("%s it goes one command at a time", async (name, options) => {
  const extensions = name === "without PIPELINING" ? "" : "S: 250-PIPELINING";
  const { fates } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
    `
    S: 220 store.example LMTP
    C: LHLO client.example
    S: 250-store.example
    ${extensions}
    S: 250 HELP
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: RCPT TO:<c1@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 1
    C: .
    S: 451 later
    -- pause
    S: 250 stored
    C: MAIL FROM:<a2@example.org>
    S: 250 ok
    C: RCPT TO:<b2@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 2
    C: .
    S: 250 stored
    ${BYE}
    `,
    options,
  );
  expect(fates).toEqual(["b1 failed message 451 retryable", "c1 succeeded 250", "b2 succeeded 250"]);
});

test("requireAllRecipients: one refused, and the text does not go", async () => {
  const { fates } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net"], requireAllRecipients: true })],
    `
    ${LHLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    S: 250 ok
    S: 250 ok
    S: 550 nobody
    ${BYE}
    `,
    LMTP,
  );
  expect(fates).toEqual(["b1 failed aborted ESMTP_NOT_ALL_ACCEPTED retryable", "c1 failed rcpt 550"]);
});

test("an abort before DATA is answered by RSET, later it has no effect", async () => {
  const early = new AbortController();
  const late = new AbortController();
  const { fates } = await conversation(
    [
      message(1, { requireAllRecipients: true, signal: early.signal }),
      message(2, { to: ["b2@example.net", "c2@example.net"], signal: late.signal }),
    ],
    `
    ${LHLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    -- abort the first
    S: 250 ok
    S: 250 ok
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: RCPT TO:<c2@example.net>
    C: DATA
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 stored
    -- pause
    -- abort the second
    S: 250 stored
    ${BYE}
    `,
    {
      ...LMTP,
      actions: { "abort the first": () => early.abort(), "abort the second": () => late.abort() },
    },
  );
  expect(fates).toEqual([
    "b1 failed aborted ESMTP_ABORTED retryable",
    "b2 succeeded 250",
    "c2 succeeded 250",
  ]);
});

test.each(["500 what?", "502 not here", "421 busy", "454 later"])(
  "LHLO answered %s: no HELO, no session",
  async (reply) => {
    const { fates, error } = await conversation(
      [message(1)],
      `
    S: 220 peer.example ESMTP
    C: LHLO client.example
    S: ${reply}
    `,
      LMTP,
    );
    expect(error).toBe("ESMTP_HELLO_REFUSED");
    expect(fates).toEqual(["b1 failed connection ESMTP_HELLO_REFUSED retryable"]);
  },
);

test("a greeting that makes follow-ons doubtful is of no account: there are none", async () => {
  const { warnings, fates } = await conversation(
    [message(1)],
    `
    S: 220 ****************
    C: LHLO client.example
    S: 250-store.example
    S: 250 PIPELINING
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    S: 250 stored
    ${BYE}
    `,
    LMTP,
  );
  expect(warnings).toEqual([]);
  expect(fates).toEqual(["b1 succeeded 250"]);
});
