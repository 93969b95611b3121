import { AsyncLocalStorage } from "node:async_hooks";
import { SmtpSession } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { BYE, conversation, HELLO, message } from "../support/scripted-peer.ts";

const SCRIPT = `${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<gone@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550-no such
    S: 550 user
    S: 354 go
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 stored
    S: 250 flushed
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text 2
    C: .
    S: 250 stored
    ${BYE}`;
const MESSAGES = [message(1, { to: ["b1@example.net", "gone@example.net"] }), message(2)];

describe("what a group says of itself:", () => {
  test("octets received, the messages it carries, when its first reply came", async () => {
    const { log } = await conversation(MESSAGES, SCRIPT);
    const groups = log.of("groupEnd").map(({ group }) => group);
    const octets = (...lines: string[]): number => lines.join("\r\n").length + 2;
    expect(groups.map(({ bytesReceived }) => bytesReceived)).toEqual([
      octets("220 peer.example ESMTP"),
      octets("250-peer.example", "250 PIPELINING"),
      octets("250 ok", "250 ok", "550-no such", "550 user", "354 go"),
      octets("250 stored", "250 flushed", "250 ok", "250 ok", "354 go"),
      octets("250 stored"),
      octets("221 bye"),
    ]);
    expect(groups.map(({ messageSeqs }) => messageSeqs)).toEqual([[], [], [1], [1, 2], [2], []]);
    for (const { firstReplyMs = -1, durationMs, error } of groups) {
      expect(firstReplyMs).toBeGreaterThanOrEqual(0);
      expect(firstReplyMs).toBeLessThanOrEqual(durationMs);
      expect(error).toBeUndefined();
    }
  });

  test("what the session failed with, where that is why replies are missing", async () => {
    const { log } = await conversation(
      [message(1)],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      -- close`,
    );
    const groups = log.of("groupEnd").map(({ group }) => group);
    expect(groups.map(({ error }) => error?.code)).toEqual([undefined, undefined, "ESMTP_CONNECTION_LOST"]);
    expect(groups.at(-1)?.codes).toEqual([250, undefined, undefined]);
  });

  test("a text that is cut off belongs to its message, in a group without an exchange", async () => {
    const { log } = await conversation(
      [message(1, { data: failingText })],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      -- text, not ended`,
    );
    const last = log.of("groupEnd").at(-1)?.group;
    expect(last?.exchanges).toEqual([]);
    expect(last?.messageSeqs).toEqual([1]);
    expect(last?.bytesSent).toBeGreaterThan(0);
  });
});

/** More than one block, and then nothing good. */
async function* failingText(): AsyncGenerator<string, void, undefined> {
  yield "Some text\r\n".repeat(20_000);
  throw new Error("the disk is gone");
}

describe("messages are numbered:", () => {
  test("on every event and exchange, whatever their ids", async () => {
    const { log } = await conversation(MESSAGES, SCRIPT);
    for (const name of ["messageQueued", "messageStart", "messageEnd"] as const) {
      expect(log.of(name).map(({ messageId, messageSeq }) => [messageId, messageSeq])).toEqual([
        ["m1", 1],
        ["m2", 2],
      ]);
    }
    expect(log.of("messageEnd").map(({ accepted }) => accepted)).toEqual([1, 1]);
    expect(log.of("recipientFailed").map(({ messageSeq }) => messageSeq)).toEqual([1]);
    expect(log.of("recipientAccepted").map(({ messageSeq }) => messageSeq)).toEqual([1, 2]);
    expect(log.of("recipientSucceeded").map(({ messageSeq }) => messageSeq)).toEqual([1, 2]);
    const numbered = log.of("groupEnd").flatMap(({ group }) => group.exchanges);
    expect(numbered.map(({ messageSeq }) => messageSeq)).toEqual([
      ...[undefined, undefined, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, undefined],
    ]);
    expect(log.of("sent").map(({ messageSeq }) => messageSeq)).toEqual(
      numbered.slice(1).map(({ messageSeq }) => messageSeq),
    );
  });
});

describe("connecting", () => {
  const calls: readonly [name: string, call: (session: SmtpSession) => Promise<unknown>][] = [
    ["connect()", (session) => session.connect()],
    ["pipeline()", (session) => session.pipeline(message(1))],
    ["noop()", (session) => session.noop()],
  ];
  test.each(calls)("is told inside %s, in the caller's async context, once", async (_, call) => {
    const storage = new AsyncLocalStorage<string>();
    const session = new SmtpSession({
      host: "a.example",
      connectSocket: () => Promise.reject(new Error("no")),
    });
    const told: string[] = [];
    session.on("connecting", ({ host, port }) => told.push(`${host}:${port} ${storage.getStore()}`));
    const called = storage.run("the caller", () => call(session));
    expect(told).toEqual(["a.example:25 the caller"]);
    await called.catch(() => undefined);
    await session.connect().catch(() => undefined);
    expect(told.length).toBe(1);
  });
});

test("a session says where it is connected, and what the server owes", async () => {
  const owed: number[] = [];
  await conversation(
    [],
    `${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    -- look
    S: 250 ok
    -- pause
    -- look
    S: 250 ok
    S: 354 go
    C: Text 1
    C: .
    S: 250 stored
    ${BYE}`,
    {
      actions: { look: ({ session }) => owed.push(session.repliesOwed) },
      run: async ({ session, send }) => {
        expect(session.remoteAddress).toBeUndefined();
        await send(message(1));
        expect([session.host, session.remoteAddress]).toEqual(["127.0.0.1", "127.0.0.1"]);
        expect(session.port).toBeGreaterThan(0);
        expect(session.repliesOwed).toBe(0);
      },
    },
  );
  expect(owed).toEqual([3, 2]);
});
