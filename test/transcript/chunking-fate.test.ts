import { describe, expect, test } from "vitest";
import { chunking } from "../support/chunking-option.ts";
import { ACCEPTED, envelope, HELLO_CHUNKING, last, QUEUED } from "../support/chunking-wire.ts";
import { BYE, conversation, hello, message } from "../support/scripted-peer.ts";

// PROTOCOL: The fate of a recipient, row by row, where BDAT waits for the replies to RCPT.

const STRICT = { session: chunking("strict") };

const SECOND = `
    ${ACCEPTED}
    ${last(2)}
    ${QUEUED}
    ${BYE}`;

test("RCPT refused costs its recipient", async () => {
  const { fates } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net", "d1@example.net"] }), message(2)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    C: RCPT TO:<c1@example.net>
    C: RCPT TO:<d1@example.net>
    S: 250 ok
    S: 550 no such user
    S: 250 ok
    S: 450 greylisted
    ${last(1)}
    ${envelope(2)}
    ${QUEUED}
    ${SECOND}`,
    STRICT,
  );
  expect(fates).toEqual([
    "b1 failed rcpt 550",
    "c1 succeeded 250",
    "d1 failed rcpt 450 retryable",
    "b2 succeeded 250",
  ]);
});

test("nobody accepted: no octet of the text is sent, RSET leads what follows", async () => {
  const { fates } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    C: RCPT TO:<c1@example.net>
    S: 250 ok
    S: 550 no such user
    S: 450 greylisted
    C: RSET
    ${envelope(2)}
    S: 250 reset
    ${SECOND}`,
    STRICT,
  );
  expect(fates).toEqual(["b1 failed rcpt 550", "c1 failed rcpt 450 retryable", "b2 succeeded 250"]);
});

test("nobody accepted behind a text: RSET and the next envelope follow", async () => {
  const { fates } = await conversation(
    [message(1), message(2), message(3)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    ${ACCEPTED}
    ${last(1)}
    ${envelope(2)}
    ${QUEUED}
    S: 250 ok
    S: 550 no such user
    C: RSET
    ${envelope(3)}
    S: 250 reset
    ${ACCEPTED}
    ${last(3)}
    ${QUEUED}
    ${BYE}`,
    STRICT,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed rcpt 550", "b3 succeeded 250"]);
});

test.each([
  ["550", "b1 failed mail 550"],
  ["452", "b1 failed mail 452 retryable"],
  ["503", "b1 failed mail 503 retryable"],
])(
  "MAIL refused with %s, RCPT accepted: the text is another sender's, and is not sent",
  async (code, expected) => {
    const { fates, log } = await conversation(
      [message(1), message(2)],
      `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    S: ${code} no
    S: 250 a careless server
    C: RSET
    ${envelope(2)}
    S: 250 reset
    ${SECOND}`,
      STRICT,
    );
    expect(fates).toEqual([expected, "b2 succeeded 250"]);
    expect(log.of("recipientAccepted").map(({ messageId }) => messageId)).toEqual(["m2"]);
  },
);

test.each([
  ["452 full", "b1 failed message 452 retryable"],
  ["554 5.7.1 spam", "b1 failed message 554"],
  ["503 confused", "b1 failed message 503"],
])("LAST answered %s: booked on its own recipients, not on those behind it", async (reply, expected) => {
  const { fates } = await conversation(
    [message(1), message(2)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    ${ACCEPTED}
    ${last(1)}
    ${envelope(2)}
    S: ${reply}
    S: 250 reset
    ${SECOND}`,
    STRICT,
  );
  expect(fates).toEqual([expected, "b2 succeeded 250"]);
});

test("530 to MAIL in mid-session ends the session: everything behind is retryable", async () => {
  const { fates, error } = await conversation(
    [message(1), message(2), message(3)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    ${ACCEPTED}
    ${last(1)}
    ${envelope(2)}
    ${QUEUED}
    S: 530 5.7.0 authentication required
    S: 503 no sender
    -- client closes`,
    STRICT,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "b2 failed connection ESMTP_AUTH_REQUIRED retryable",
    "b3 failed connection ESMTP_AUTH_REQUIRED retryable",
  ]);
  expect(error).toBe("ESMTP_AUTH_REQUIRED");
});

describe("the connection is lost", () => {
  test("before BDAT: retryable, whoever was accepted; a refusal stands", async () => {
    const { fates } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net", "d1@example.net"] }), message(2)],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      C: RCPT TO:<c1@example.net>
      C: RCPT TO:<d1@example.net>
      S: 250 ok
      S: 250 ok
      S: 550 no such user
      -- close`,
      STRICT,
    );
    expect(fates).toEqual([
      "b1 failed connection ESMTP_CONNECTION_LOST retryable",
      "c1 failed rcpt 550",
      "d1 failed connection ESMTP_CONNECTION_LOST retryable",
      "b2 failed connection ESMTP_CONNECTION_LOST retryable",
    ]);
  });

  test("behind the last octet: unknown; the envelope behind it: retryable", async () => {
    const { fates } = await conversation(
      [message(1), message(2), message(3)],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      ${ACCEPTED}
      ${last(1)}
      ${envelope(2)}
      -- close`,
      STRICT,
    );
    expect(fates).toEqual([
      "b1 unknown ESMTP_CONNECTION_LOST",
      "b2 failed connection ESMTP_CONNECTION_LOST retryable",
      "b3 failed connection ESMTP_CONNECTION_LOST retryable",
    ]);
  });

  test("in the midst of a text that the network does not take: retryable", async () => {
    const { fates } = await conversation(
      [message(1, { data: "x".repeat(16_000_000) })],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      -- stop reading
      ${ACCEPTED}
      -- pause
      -- reset`,
      STRICT,
    );
    expect(fates).toEqual(["b1 failed connection ESMTP_CONNECTION_LOST retryable"]);
  });
});

test.each([
  ["554 too large", "b1 failed message 554 ESMTP_EARLY_REPLY"],
  ["452 full", "b1 failed message 452 ESMTP_EARLY_REPLY retryable"],
])("%s while the text is being written: it decides, and the connection ends", async (reply, expected) => {
  const { fates } = await conversation(
    [message(1, { data: "x".repeat(16_000_000) }), message(2)],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    -- stop reading
    ${ACCEPTED}
    -- pause
    S: ${reply}
    -- chunks, not ended`,
    STRICT,
  );
  expect(fates[0]).toBe(expected);
  expect(fates[1]).toMatch(/^b2 failed connection \S+ retryable$/);
});

test("a 250 while the text is being written: unknown", async () => {
  const { fates } = await conversation(
    [message(1, { data: "x".repeat(16_000_000) })],
    `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    -- stop reading
    ${ACCEPTED}
    -- pause
    S: 250 queued
    -- chunks, not ended`,
    STRICT,
  );
  expect(fates).toEqual([expect.stringMatching(/^b1 unknown /)]);
});

test("a text known to exceed SIZE is not begun; the next one goes", async () => {
  const { fates } = await conversation(
    [message(1, { data: "nine octs" }), message(2)],
    `
    ${hello("PIPELINING", "CHUNKING", "SIZE 8")}
    C: MAIL FROM:<a2@example.org> SIZE=8
    C: RCPT TO:<b2@example.net>
    ${SECOND}`,
    STRICT,
  );
  expect(fates).toEqual(["b1 failed unsupported ESMTP_SIZE_EXCEEDED", "b2 succeeded 250"]);
});

describe("out of step: nothing is guessed", () => {
  test.each([
    ["354 to LAST", "354 go on"],
    ["a 1yz to LAST", "150 wait"],
    ["a malformed reply", "what?"],
  ])("%s", async (_, reply) => {
    const { fates, reason } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      ${ACCEPTED}
      ${last(1)}
      ${envelope(2)}
      S: ${reply}
      -- client closes`,
      STRICT,
    );
    expect(fates[0]).toMatch(/^b1 unknown /);
    expect(fates[1]).toMatch(/^b2 failed connection \S+ retryable$/);
    expect(reason).toBe("error");
  });

  test("a surplus reply", async () => {
    const { fates, error } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      ${ACCEPTED}
      ${last(1)}
      ${envelope(2)}
      ${QUEUED}
      ${ACCEPTED}
      S: 250 surplus
      -- client closes`,
      STRICT,
    );
    expect(fates[0]).toBe("b1 succeeded 250");
    expect(fates[1]).toMatch(/^b2 failed connection \S+ retryable$/);
    expect(error).toBe("ESMTP_OUT_OF_STEP");
  });
});

describe("a server that is hanging up", () => {
  test("421 to LAST, and it closes: its refusal is the text's, what stands behind is retryable", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      ${ACCEPTED}
      ${last(1)}
      ${envelope(2)}
      S: 421 closing
      -- close`,
      STRICT,
    );
    expect(fates[0]).toBe("b1 failed message 421 retryable");
    expect(fates[1]).toMatch(/^b2 failed connection \S+ retryable$/);
  });

  test("421 to LAST, and it goes on: so does the session", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      ${ACCEPTED}
      ${last(1)}
      ${envelope(2)}
      S: 421 not this one
      S: 250 reset
      ${SECOND}`,
      STRICT,
    );
    expect(fates).toEqual(["b1 failed message 421 retryable", "b2 succeeded 250"]);
  });

  test("554 to RSET, and it closes: the text was taken, what stands behind is retryable", async () => {
    const { fates } = await conversation(
      [message(1), message(2)],
      `
      ${HELLO_CHUNKING}
      ${envelope(1)}
      ${ACCEPTED}
      ${last(1)}
      ${envelope(2)}
      S: 250 queued
      S: 554 Too many nonmail commands
      -- close`,
      STRICT,
    );
    expect(fates[0]).toBe("b1 succeeded 250");
    expect(fates[1]).toMatch(/^b2 failed connection \S+ retryable$/);
  });
});
