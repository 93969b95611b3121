import { expect, test } from "vitest";
import { chunking } from "../support/chunking-option.ts";
import { ACCEPTED, envelope } from "../support/chunking-wire.ts";
import { BYE, conversation, message } from "../support/scripted-peer.ts";

// RFC 2033 with RFC 3030: LAST is answered once per accepted recipient; nothing goes behind a BDAT until all is read.

const LMTP = { session: { ...chunking("strict"), protocol: "lmtp" } } as const;

const LHLO = `
    S: 220 store.example LMTP
    C: LHLO client.example
    S: 250-store.example
    S: 250-PIPELINING
    S: 250 CHUNKING
`;

const text = (n: number): string => `
    C: BDAT 8 LAST
    C: Text ${n}
`;

test("one reply per accepted recipient, and the next envelope behind them all", async () => {
  const { fates, log } = await conversation(
    [
      message(1, { to: ["b1@example.net", "c1@example.net", "d1@example.net"] }),
      message(2),
      message(3),
      message(4),
    ],
    `
    ${LHLO}
    ${envelope(1)}
    C: RCPT TO:<c1@example.net>
    C: RCPT TO:<d1@example.net>
    S: 250 ok
    S: 250 ok
    S: 550 no such user
    S: 250 ok
    ${text(1)}
    S: 250 stored
    -- pause
    S: 452 full
    C: RSET
    ${envelope(2)}
    S: 250 reset
    ${ACCEPTED}
    ${text(2)}
    S: 250 stored
    C: RSET
    ${envelope(3)}
    S: 250 reset
    S: 250 ok
    S: 550 no such user
    C: RSET
    ${envelope(4)}
    S: 250 reset
    ${ACCEPTED}
    ${text(4)}
    S: 554 no
    C: RSET
    S: 250 reset
    ${BYE}`,
    LMTP,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "c1 failed rcpt 550",
    "d1 failed message 452 retryable",
    "b2 succeeded 250",
    "b3 failed rcpt 550",
    "b4 failed message 554",
  ]);
  expect(log.of("sent").filter(({ line }) => line === "BDAT 8 LAST").length).toBe(3);
});

test("chunks before LAST have one reply each", async () => {
  const blocks = Array.from({ length: 400 }, () => `${"x".repeat(998)}\r\n`);
  const { fates } = await conversation(
    [
      message(1, {
        to: ["b1@example.net", "c1@example.net"],
        data: async function* () {
          yield* blocks;
        },
      }),
    ],
    `
    ${LHLO}
    ${envelope(1)}
    C: RCPT TO:<c1@example.net>
    ${ACCEPTED}
    S: 250 ok
    C* ${`${"x".repeat(998)}<CR><LF>`.repeat(400)}
    S: 250 stored for b
    S: 250 stored for c
    C: RSET
    S: 250 reset
    ${BYE}`,
    LMTP,
  );
  expect(fates).toEqual(["b1 succeeded 250", "c1 succeeded 250"]);
});

test("the connection is lost between the replies: those without one are unknown", async () => {
  const { fates } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net"] }), message(2)],
    `
    ${LHLO}
    ${envelope(1)}
    C: RCPT TO:<c1@example.net>
    ${ACCEPTED}
    S: 250 ok
    ${text(1)}
    S: 250 stored
    -- close`,
    LMTP,
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    "c1 unknown ESMTP_CONNECTION_LOST",
    "b2 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
});

test("a reply too many: out of step", async () => {
  const { fates, reason } = await conversation(
    [message(1), message(2)],
    `
    ${LHLO}
    ${envelope(1)}
    ${ACCEPTED}
    ${text(1)}
    S: 250 stored
    S: 250 stored
    -- client closes`,
    LMTP,
  );
  expect(fates[0]).toBe("b1 succeeded 250");
  expect(fates[1]).toMatch(/^b2 failed connection \S+ retryable$/);
  expect(reason).toBe("error");
});

test("no probe, whatever waits", async () => {
  const six = [1, 2, 3, 4, 5, 6];
  const { fates } = await conversation(
    six.map((n) => message(n)),
    `
    ${LHLO}
    ${six
      .map((n) =>
        n === 1
          ? `${envelope(1)} ${ACCEPTED} ${text(1)} S: 250 stored\n`
          : `C: RSET\n${envelope(n)} S: 250 reset\n ${ACCEPTED} ${text(n)} S: 250 stored\n`,
      )
      .join("")}
    C: RSET
    S: 250 reset
    ${BYE}`,
    LMTP,
  );
  expect(fates).toEqual(six.map((n) => `b${n} succeeded 250`));
});
