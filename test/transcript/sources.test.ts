import { PassThrough, Readable } from "node:stream";
import type { Message, MessageData } from "smtp-pipelining";
import { expect, test } from "vitest";
import { BYE, conversation, HELLO, message } from "../support/scripted-peer.ts";

// PROTOCOL: the source failed, or was silent for timeouts.text: a truncated text is never ended as if whole.

/** Fills what is written at a time, so that it is on the wire and not held for company. */
const BLOCK = `${"x".repeat(65_534)}\r\n`;

const silent = (): Promise<never> => new Promise(() => undefined);

const envelope = (n: number): string => `
    C: MAIL FROM:<a${n}@example.org>
    C: RCPT TO:<b${n}@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on`;

const alone = (n: number): string => `
    ${envelope(n)}
    C: Text ${n}
    C: .
    S: 250 queued`;

const failing = (): Readable =>
  new Readable({
    read() {
      this.destroy(new Error("no such file"));
    },
  });

const consumed = (): Readable => {
  const stream = Readable.from(["Text\r\n"]);
  stream.read();
  return stream;
};

/** An iterable made of two functions, which need not keep to what iterators promise. */
function iterable(next: () => unknown, close?: () => unknown): AsyncIterable<string> {
  return { [Symbol.asyncIterator]: () => ({ next, return: close }) as unknown as AsyncIterator<string> };
}

test.each<[string, () => MessageData, string]>([
  [
    "a function that throws",
    () => () => {
      throw new Error("no such file");
    },
    "ESMTP_SOURCE_FAILED",
  ],
  ["a function that rejects", () => () => Promise.reject(new Error("no such file")), "ESMTP_SOURCE_FAILED"],
  ["a function that returns no text", () => () => 5 as unknown as string, "ESMTP_SOURCE_FAILED"],
  ["a function that returns a stream that fails", () => failing, "ESMTP_SOURCE_FAILED"],
  ["a stream that fails before its turn", failing, "ESMTP_SOURCE_FAILED"],
  ["a stream that was destroyed", () => Readable.from(["x"]).destroy(), "ESMTP_SOURCE_FAILED"],
  [
    "an iterable that throws at once",
    () =>
      // biome-ignore lint/correctness/useYield: it fails before its first piece
      (async function* (): AsyncGenerator<string> {
        throw new Error("no such file");
      })(),
    "ESMTP_SOURCE_FAILED",
  ],
])("%s costs only itself", async (_, make, code) => {
  const { fates, deliveries } = await conversation(
    [message(1), message(2, { data: make() }), message(3)],
    `
    ${HELLO}
    ${envelope(1)}
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a3@example.org>
    C: RCPT TO:<b3@example.net>
    C: DATA
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", `b2 failed message ${code}`, "b3 succeeded 250"]);
  expect(deliveries[1]?.error?.cause).toBeInstanceOf(Error);
});

test.each<[string, () => MessageData]>([
  [
    "a function that throws",
    () => () => {
      throw Object.create(null);
    },
  ],
  ["a function that rejects", () => () => Promise.reject(Object.create(null))],
  [
    "an iterable whose next() throws",
    () =>
      iterable(() => {
        throw Object.create(null);
      }),
  ],
])("%s something that can't become a string costs only itself", async (_, make) => {
  const { fates, deliveries } = await conversation(
    [message(9, { data: make() }), message(1)],
    `
    ${HELLO}
    ${alone(1)}
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b9 failed message ESMTP_SOURCE_FAILED", "b1 succeeded 250"]);
  expect(deliveries[0]?.error?.message).toContain("a value that can't be shown");
});

test.each<[string, () => unknown]>([
  [
    "throws",
    () => {
      throw new Error("can't close");
    },
  ],
  ["rejects", () => Promise.reject(new Error("can't close"))],
  ["returns no promise", () => undefined],
])("an iterator whose return() %s is left alone when the session is destroyed", async (_, close) => {
  let closed = 0;
  let pieces = 0;
  const data = iterable(
    () => (pieces++ < 2 ? Promise.resolve({ done: false, value: BLOCK }) : silent()),
    () => {
      closed++;
      return close();
    },
  );
  const { fates, reason } = await conversation(
    [message(1, { data }), message(2)],
    `
    ${HELLO}
    ${envelope(1)}
    C: ${BLOCK.trimEnd()}
    -- destroy
    -- text, not ended
    `,
    { actions: { destroy: ({ session }) => session.destroy() } },
  );
  expect(fates).toEqual([
    "b1 failed aborted ESMTP_DESTROYED retryable",
    "b2 failed aborted ESMTP_DESTROYED retryable",
  ]);
  expect([reason, closed]).toEqual(["aborted", 1]);
});

test("a stream that was read from before costs only itself, and says so", async () => {
  const { fates } = await conversation(
    [message(9, { data: consumed() }), message(1)],
    `
    ${HELLO}
    ${alone(1)}
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b9 failed message ESMTP_SOURCE_CONSUMED", "b1 succeeded 250"]);
});

test("a source that gives nothing for timeouts.text costs only itself: its envelope is not begun", async () => {
  const { fates, log } = await conversation(
    [message(9, { data: silent }), message(1)],
    `
    ${HELLO}
    ${alone(1)}
    ${BYE}
    `,
    { session: { timeouts: { text: 30 } } },
  );
  expect(fates).toEqual(["b9 failed message ESMTP_SOURCE_TIMEOUT", "b1 succeeded 250"]);
  expect(log.of("messageStart").map(({ messageId }) => messageId)).toEqual(["m1"]);
});

async function* breaks(): AsyncGenerator<string> {
  yield "a\r\n";
  yield BLOCK;
  yield BLOCK;
  throw new Error("no more");
}

async function* stalls(): AsyncGenerator<string> {
  yield "a\r\n";
  yield BLOCK;
  yield BLOCK;
  await silent();
}

test.each<[string, () => MessageData, string]>([
  ["an iterable that throws", breaks, "ESMTP_SOURCE_FAILED"],
  ["a stream that fails", () => Readable.from(breaks()), "ESMTP_SOURCE_FAILED"],
  ["a function's stream that fails", () => () => Readable.from(breaks()), "ESMTP_SOURCE_FAILED"],
  ["a source that falls silent", stalls, "ESMTP_SOURCE_TIMEOUT"],
  ["a piece that is no text", () => Readable.from(["a\r\n", { b: 1 }]), "ESMTP_SOURCE_FAILED"],
])("%s in mid-text: the connection is dropped, the text never ended", async (_, make, code) => {
  const { fates, deliveries, error, reason } = await conversation(
    [message(1, { data: make() }), message(2)],
    `
    ${HELLO}
    ${envelope(1)}
    -- text, not ended
    `,
    { session: { timeouts: { text: 60 } } },
  );
  expect(fates).toEqual([`b1 failed message ${code}`, `b2 failed connection ${code} retryable`]);
  expect(deliveries[0]?.recipients).toMatchObject([{ retryable: false }]);
  expect([error, reason]).toEqual([code, "error"]);
});

test("a refusal already received stands when the source fails", async () => {
  const { fates } = await conversation(
    [message(1, { to: ["b1@example.net", "c1@example.net"], data: breaks() })],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<c1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 450 mailbox busy
    S: 354 go on
    -- text, not ended
    `,
  );
  expect(fates).toEqual(["b1 failed message ESMTP_SOURCE_FAILED", "c1 failed rcpt 450 retryable"]);
});

test("a message whose recipients are all refused: its stream is not read", async () => {
  const stream = Readable.from(["Text\r\n"]);
  const { fates } = await conversation(
    [message(1, { data: stream })],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 450 mailbox busy
    S: 503 no recipient
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 failed rcpt 450 retryable"]);
  expect([stream.readableDidRead, stream.destroyed]).toEqual([false, false]);
});

test("a refused follow-on goes out again with the source that was opened for it", async () => {
  let opened = 0;
  const again: Partial<Message> = {
    data: () => {
      opened++;
      return new PassThrough().end("Text 2\r\n");
    },
  };
  const { fates } = await conversation(
    [message(1), message(2, again)],
    `
    ${HELLO}
    ${envelope(1)}
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 queued
    S: 503 no
    S: 503 no
    S: 503 no
    S: 503 no
    ${alone(2)}
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
  expect(opened).toBe(1);
});

const once: [string, () => [MessageData, MessageData]][] = [
  [
    "a stream",
    () => Array<Readable>(2).fill(Readable.from([Buffer.from("Text 1\r\n")])) as [Readable, Readable],
  ],
  [
    "a function's stream",
    () => {
      const stream = Readable.from([Buffer.from("Text 1\r\n")]);
      return [() => stream, () => stream];
    },
  ],
  [
    "a generator",
    () => {
      const generator = (async function* () {
        yield "Text 1\r\n";
      })();
      return [generator, generator];
    },
  ],
];

test.each(once)("%s given to two messages is one's text, and costs the other alone", async (_, make) => {
  const [first, second] = make();
  const { fates } = await conversation(
    [message(1, { data: first }), message(2, { data: second }), message(3)],
    `
    ${HELLO}
    ${envelope(1)}
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a3@example.org>
    C: RCPT TO:<b3@example.net>
    C: DATA
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 3
    C: .
    S: 250 queued
    ${BYE}`,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 failed message ESMTP_SOURCE_CONSUMED", "b3 succeeded 250"]);
});

test("a stream that somebody reads behind our back is never sent as an empty text", async () => {
  const stream = Readable.from([Buffer.from("Text 1\r\n")]);
  const { fates } = await conversation(
    [message(1, { data: stream })],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    -- read
    S: 250 ok
    S: 250 ok
    S: 354 go on
    -- client closes`,
    { actions: { read: () => stream.resume() } },
  );
  expect(fates).toEqual(["b1 failed message ESMTP_SOURCE_CONSUMED"]);
});

class Unclosing extends Readable {
  override destroy(): this {
    throw new Error("can't close");
  }
}

test("a stream whose destroy() throws costs nothing", async () => {
  const data = (): Readable =>
    new Unclosing({
      autoDestroy: false,
      read() {
        this.push("Text 1\r\n");
        this.push(null);
      },
    });
  const { fates } = await conversation([message(1, { data })], `${HELLO}${alone(1)}${BYE}`);
  expect(fates).toEqual(["b1 succeeded 250"]);
});

test("an empty stream is an empty text", async () => {
  const { fates } = await conversation(
    [message(1, { data: Readable.from([]) }), message(2, { data: () => new PassThrough().end() })],
    `
    ${HELLO}
    ${envelope(1)}
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 queued
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: .
    S: 250 queued
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});
