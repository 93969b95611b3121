import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Message } from "smtp-pipelining";
import { describe, expect, onTestFinished, test } from "vitest";
import { BYE, conversation, HELLO, message } from "../support/scripted-peer.ts";

// A caller's stream that is never read stays the caller's, and what befalls it before its turn costs one message.

/** What a session leaves on a stream; beside an "error" listener for good, nothing. */
function listeners(stream: Readable): Record<string, number> {
  const names = ["readable", "data", "end", "close", "error"];
  return Object.fromEntries(names.map((name) => [name, stream.listenerCount(name)]));
}

describe("a stream that the session lets go of unread has no more listeners than before, but one for errors", () => {
  const silentStream = (): Readable => new Readable({ read: () => undefined });
  const fullStream = (): Readable => Readable.from([Buffer.from("Text 9\r\n")]);
  const aborting = (n: number, stream: Readable): { messages: Message[]; abort: () => void } => {
    const controller = new AbortController();
    const messages = Array.from({ length: n }, (_, i) =>
      message(9, { id: `m9-${i}`, data: stream, signal: controller.signal }),
    );
    return { messages, abort: () => controller.abort() };
  };

  test.each<[string, () => Readable, number]>([
    ["waits for its first octets", silentStream, 1],
    ["is ready", fullStream, 1],
    ["is fifteen messages'", silentStream, 15],
  ])("when its message is aborted while it %s", async (_, make, count) => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on("warning", warned);
    onTestFinished(() => {
      process.off("warning", warned);
    });
    const stream = make();
    const before = listeners(stream);
    const { messages, abort } = aborting(count, stream);
    const { fates } = await conversation(
      [message(1), ...messages],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      -- abort
      S: 250 ok
      S: 250 ok
      S: 354 go on
      C: Text 1
      C: .
      S: 250 queued
      ${BYE}
      `,
      { actions: { abort } },
    );
    expect(fates).toEqual([
      "b1 succeeded 250",
      ...Array(count).fill("b9 failed aborted ESMTP_ABORTED retryable"),
    ]);
    expect(listeners(stream)).toEqual({ ...before, error: 1 });
    expect([stream.destroyed, stream.readableDidRead, warnings]).toEqual([false, false, []]);
    stream.destroy(new Error("late")); // would end the process if nobody listened
    await new Promise((resolve) => stream.on("close", resolve));
  });

  test("when it is silent for too long, and when all recipients are refused", async () => {
    const silent = silentStream();
    const refused = fullStream();
    const before = listeners(refused);
    const { fates } = await conversation(
      [],
      `
      ${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 450 mailbox busy
      S: 503 no recipient
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 reset
      S: 250 ok
      S: 450 mailbox busy
      S: 503 no recipient
      ${BYE}
      `,
      {
        session: { timeouts: { text: 30 } },
        run: async ({ send }) => {
          await Promise.all([send(message(9, { data: silent })), send(message(1, { data: refused }))]);
          await send(message(2, { data: refused })); // unread, it can be sent again
        },
      },
    );
    expect(fates).toEqual([
      "b9 failed message ESMTP_SOURCE_TIMEOUT",
      "b1 failed rcpt 450 retryable",
      "b2 failed rcpt 450 retryable",
    ]);
    expect(listeners(silent)).toEqual({ ...before, error: 1 });
    expect(listeners(refused)).toEqual({ ...before, error: 1 });
  });
});

test.each<[string, (stream: Readable) => unknown, string]>([
  ["destroyed", (stream) => stream.destroy(), "ESMTP_SOURCE_FAILED"],
  ["destroyed with an error", (stream) => stream.destroy(new Error("gone")), "ESMTP_SOURCE_FAILED"],
  ["read by somebody else", (stream) => stream.resume(), "ESMTP_SOURCE_CONSUMED"],
])("a stream that is %s before its turn costs only its message", async (_, spoil, code) => {
  const spoiled = (stream: Readable): Promise<void> => {
    spoil(stream);
    return finished(stream).catch(() => undefined);
  };
  // One is opened already, behind the message that is on its way; the other is not.
  const text = (n: number): Readable => Readable.from([Buffer.from(`Text ${n}\r\n`)]);
  const streams = [text(2), text(3)] as const;
  const { fates } = await conversation(
    [message(1), message(2, { data: streams[0] }), message(3, { data: streams[1] }), message(4)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    -- spoil
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a4@example.org>
    C: RCPT TO:<b4@example.net>
    C: DATA
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 4
    C: .
    S: 250 queued
    ${BYE}`,
    { actions: { spoil: () => Promise.all(streams.map(spoiled)) } },
  );
  expect(fates).toEqual([
    "b1 succeeded 250",
    `b2 failed message ${code}`,
    `b3 failed message ${code}`,
    "b4 succeeded 250",
  ]);
});
