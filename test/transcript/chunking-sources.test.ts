import { Readable } from "node:stream";
import type { Message } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { chunking } from "../support/chunking-option.ts";
import { ACCEPTED, envelope, HELLO_CHUNKING } from "../support/chunking-wire.ts";
import { conversation, hello, message, type Outcome } from "../support/scripted-peer.ts";

// Texts that come to no good end in the midst of their chunks: a truncated text is never ended as if whole.

const STRICT = { session: chunking("strict", { timeouts: { text: 100 } }) };
const BLOCK = `${"x".repeat(998)}\r\n`;
const BLOCKS = 400;

/** Octets enough for chunks of any size, then what is said. */
function large(end: () => unknown): () => Readable {
  return () =>
    Readable.from(
      (async function* () {
        for (let i = 0; i < BLOCKS; i++) yield BLOCK;
        await end();
      })(),
    );
}

/** How many octets were announced. */
function announced({ log }: Outcome): number {
  const sizes = log.of("sent").map(({ line }) => /^BDAT (\d+)/.exec(line)?.[1]);
  return sizes.reduce((sum, size) => sum + Number(size ?? 0), 0);
}

const NOT_ENDED = `
    ${HELLO_CHUNKING}
    ${envelope(1)}
    ${ACCEPTED}
    -- chunks, not ended`;

describe("a source that fails behind its first chunk: the connection is closed, no LAST, no RSET", () => {
  const cases: readonly (readonly [name: string, more: Partial<Message>])[] = [
    ["it throws", { data: large(() => Promise.reject(new Error("disk"))) }],
    ["it says nothing more", { data: large(() => new Promise(() => undefined)) }],
    ["it is shorter than declared", { data: large(() => undefined), size: 1_000_000 }],
  ];
  test.each(cases)("%s", async (_, more) => {
    const outcome = await conversation([message(1, more), message(2)], NOT_ENDED, STRICT);
    const { fates, log } = outcome;
    expect(fates[0]).toMatch(/^b1 failed message ESMTP_\S+$/);
    expect(fates[1]).toMatch(/^b2 failed connection \S+ retryable$/);
    const lines = log.of("sent").map(({ line }) => line);
    expect(lines.filter((line) => line === "RSET" || line.endsWith(" LAST"))).toEqual([]);
  });
});

test("the running total never passes SIZE: the chunk that would is not announced", async () => {
  const most = 300_000;
  const outcome = await conversation(
    [message(1, { data: large(() => undefined) }), message(2)],
    `
    ${hello("PIPELINING", "CHUNKING", `SIZE ${most}`)}
    ${envelope(1)}
    ${ACCEPTED}
    -- chunks, not ended`,
    STRICT,
  );
  expect(announced(outcome)).toBeLessThanOrEqual(most);
  expect(outcome.fates[0]).toMatch(/^b1 failed message ESMTP_SIZE_EXCEEDED$/);
  expect(outcome.fates[1]).toMatch(/^b2 failed connection \S+ retryable$/);
});

test("destroy() in the midst of the chunks: retryable, not ended", async () => {
  let go: (() => void) | undefined;
  const destroyed = new Promise<void>((resolve) => {
    go = resolve;
  });
  const { fates } = await conversation([], NOT_ENDED, {
    session: chunking("strict"),
    run: async ({ session, send }) => {
      session.on("reply", ({ command }) => {
        if (command !== "BDAT") return;
        session.destroy();
        go?.();
      });
      await send(message(1, { data: large(() => destroyed) }));
    },
  });
  expect(fates).toEqual([expect.stringMatching(/^b1 failed (?:aborted|connection) \S+ retryable$/)]);
});
