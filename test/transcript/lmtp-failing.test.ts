import { expect, test } from "vitest";
import { BYE, type ConversationOptions, conversation, message } from "../support/scripted-peer.ts";

// What becomes of the recipients of a text when not all replies to it come, or others.

const LMTP: ConversationOptions = { session: { protocol: "lmtp", timeouts: { closing: 30 } } };

const THREE = message(1, { to: ["b1@example.net", "c1@example.net", "d1@example.net"] });

const ENVELOPE = `
    S: 220 store.example LMTP
    C: LHLO client.example
    S: 250-store.example
    S: 250 PIPELINING
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    C: RCPT TO:<d1@example.net>
    C: DATA
    S: 250 ok`;

const GO_ON = `
    ${ENVELOPE}
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go on`;

const TEXT = `
    ${GO_ON}
    C: Text 1
    C: .`;

const SECOND = `
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 stored`;

test("the connection is lost between the replies: the answered keep their fate, the others are unknown", async () => {
  const { fates, deliveries, error, log } = await conversation(
    [THREE, message(2)],
    `
    ${TEXT}
    S: 250 stored
    -- pause
    -- close
    `,
    LMTP,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "c1 unknown ESMTP_CONNECTION_LOST",
    "d1 unknown ESMTP_CONNECTION_LOST",
    "b2 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
  expect(deliveries[0]).toMatchObject({ ok: false, error: { code: "ESMTP_CONNECTION_LOST" } });
  expect(deliveries[0]?.reply).toBeUndefined();
  expect(error).toBe("ESMTP_CONNECTION_LOST");
  const lost = log.of("groupEnd").find(({ group: { sent } }) => sent[0] === ".")?.group;
  expect(lost).toMatchObject({
    codes: [250, undefined, undefined],
    error: { code: "ESMTP_CONNECTION_LOST" },
  });
});

test("lost before the first reply: all are unknown", async () => {
  const { fates } = await conversation([THREE], `${TEXT}\n-- close`, LMTP);
  expect(fates).toEqual([
    "b1 unknown ESMTP_CONNECTION_LOST",
    "c1 unknown ESMTP_CONNECTION_LOST",
    "d1 unknown ESMTP_CONNECTION_LOST",
  ]);
});

test("each reply has the deadline for a message, and one that does not come makes the rest unknown", async () => {
  const { fates, error, reason } = await conversation(
    [THREE],
    `
    ${TEXT}
    S: 250 stored
    -- pause
    S: 451 later
    -- client closes
    `,
    { session: { protocol: "lmtp", timeouts: { message: 200 } } },
  );
  expect(fates).toEqual(["b1 succeeded 250", "c1 failed message 451 retryable", "d1 unknown ESMTP_TIMEOUT"]);
  expect([error, reason]).toEqual(["ESMTP_TIMEOUT", "timeout"]);
});

test("421 in the middle, then the end: that recipient may be tried again, the others are unknown", async () => {
  const { fates, error } = await conversation(
    [THREE, message(2)],
    `
    ${TEXT}
    S: 250 stored
    S: 421 closing
    -- close
    `,
    LMTP,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "c1 failed message 421 retryable",
    "d1 unknown ESMTP_SERVER_CLOSING",
    "b2 failed connection ESMTP_SERVER_CLOSING retryable",
  ]);
  expect(error).toBe("ESMTP_SERVER_CLOSING");
});

test("421 in the middle, then silence: the same", async () => {
  const { fates } = await conversation(
    [THREE, message(2)],
    `
    ${TEXT}
    S: 421 closing
    -- client closes
    `,
    LMTP,
  );
  expect(fates).toEqual([
    "b1 failed message 421 retryable",
    "c1 unknown ESMTP_SERVER_CLOSING",
    "d1 unknown ESMTP_SERVER_CLOSING",
    "b2 failed connection ESMTP_SERVER_CLOSING retryable",
  ]);
});

test("421 in the middle, then the other replies: they count, and the session goes on", async () => {
  const { fates } = await conversation(
    [THREE, message(2)],
    `
    ${TEXT}
    S: 250 stored
    S: 421 not for this one
    -- pause
    S: 250 stored
    ${SECOND}
    ${BYE}
    `,
    { session: { protocol: "lmtp" } },
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "c1 failed message 421 retryable",
    "d1 succeeded 250",
    "b2 succeeded 250",
  ]);
});

test("354 without an accepted recipient: no dot, the session ends, and refusals stand", async () => {
  const { fates, error, reason, deliveries } = await conversation(
    [THREE, message(2)],
    `
    ${ENVELOPE}
    S: 550 nobody
    S: 450 later
    S: 550 nobody
    S: 354 go on
    -- client closes
    `,
    LMTP,
  );
  expect(fates).toEqual([
    "b1 failed rcpt 550",
    "c1 failed rcpt 450 retryable",
    "d1 failed rcpt 550",
    "b2 failed connection ESMTP_OUT_OF_STEP retryable",
  ]);
  expect([error, reason]).toEqual(["ESMTP_OUT_OF_STEP", "error"]);
  expect(deliveries[0]?.error).toBeUndefined();
});

test("MAIL refused, and 354 all the same: no dot either", async () => {
  const { fates } = await conversation(
    [message(1), message(2)],
    `
    S: 220 store.example LMTP
    C: LHLO client.example
    S: 250-store.example
    S: 250 PIPELINING
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 550 not from you
    S: 503 no sender
    S: 354 go on
    -- client closes
    `,
    LMTP,
  );
  expect(fates).toEqual(["b1 failed mail 550", "b2 failed connection ESMTP_OUT_OF_STEP retryable"]);
});

test("a reply more than there are recipients is out of step", async () => {
  const { fates, error } = await conversation(
    [THREE, message(2)],
    `
    ${TEXT}
    S: 250 b
    S: 250 c
    S: 250 d
    S: 250 and who is this for?
    -- client closes
    `,
    LMTP,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "c1 succeeded 250",
    "d1 succeeded 250",
    "b2 failed connection ESMTP_OUT_OF_STEP retryable",
  ]);
  expect(error).toBe("ESMTP_OUT_OF_STEP");
});

test("a reply that can't answer a text, in the middle: out of step, and the rest unknown", async () => {
  const { fates } = await conversation(
    [THREE],
    `
    ${TEXT}
    S: 250 b
    S: 354 go on
    -- client closes
    `,
    LMTP,
  );
  expect(fates).toEqual(["b1 succeeded 250", "c1 unknown ESMTP_OUT_OF_STEP", "d1 unknown ESMTP_OUT_OF_STEP"]);
});

test.each([
  ["552", "b1 failed message 552 ESMTP_EARLY_REPLY", "failed connection ESMTP_EARLY_REPLY retryable"],
  [
    "421",
    "b1 failed message 421 ESMTP_EARLY_REPLY retryable",
    "failed connection ESMTP_EARLY_REPLY retryable",
  ],
  ["250", "b1 unknown ESMTP_EARLY_REPLY", "unknown ESMTP_EARLY_REPLY"],
])("%s before the text is finished is the first recipient's", async (code, first, others) => {
  // More than the network holds while the peer does not read.
  const large = { ...THREE, data: Buffer.alloc(20_000_000, "0123456\r\n") };
  const { fates, error } = await conversation(
    [large, message(2)],
    `
    ${ENVELOPE}
    S: 250 ok
    S: 250 ok
    S: 250 ok
    -- stop reading
    S: 354 go on
    -- pause
    S: ${code} enough
    -- text, not ended
    `,
    LMTP,
  );
  expect(fates).toEqual([
    first,
    `c1 ${others}`,
    `d1 ${others}`,
    "b2 failed connection ESMTP_EARLY_REPLY retryable",
  ]);
  expect(error).toBe("ESMTP_EARLY_REPLY");
});

test("destroy() between the replies: as a lost connection", async () => {
  const { fates, reason } = await conversation(
    [THREE],
    `
    ${TEXT}
    S: 250 stored
    -- pause
    -- destroy
    -- client closes
    `,
    { ...LMTP, actions: { destroy: ({ session }) => session.destroy() } },
  );
  expect(fates).toEqual(["b1 succeeded 250", "c1 unknown ESMTP_DESTROYED", "d1 unknown ESMTP_DESTROYED"]);
  expect(reason).toBe("aborted");
});

test("a stall in the first pipelined group costs this server pipelining, as nothing less is left", async () => {
  const { warnings } = await conversation(
    [message(1)],
    `
    S: 220 store.example LMTP
    C: LHLO client.example
    S: 250-store.example
    S: 250 PIPELINING
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    -- client closes
    `,
    { session: { protocol: "lmtp", timeouts: { mail: 50 } } },
  );
  expect(warnings).toEqual(["ESMTP_PIPELINING_UNFIT"]);
});
