import { AsyncLocalStorage } from "node:async_hooks";
import { SmtpSession } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { startCountingServer } from "../support/scripted-peer/counting-server.ts";
import { BYE, conversation, HELLO, message, ScriptedPeer } from "../support/scripted-peer.ts";

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
const octets = (...lines: string[]): number => lines.join("\r\n").length + 2;
const MESSAGES = [message(1, { to: ["b1@example.net", "gone@example.net"] }), message(2)];

describe("what a group says of itself:", () => {
  test("octets received, the messages it carries, when its first reply came", async () => {
    const { log } = await conversation(MESSAGES, SCRIPT);
    const groups = log.of("groupEnd").map(({ group }) => group);
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

  test("no time of a first reply where none came; no error where that was to be expected", async () => {
    const { log } = await conversation([], `${HELLO}\nC: QUIT\n-- close`, {
      run: ({ session }) => session.connect(),
    });
    const quit = log.of("groupEnd").at(-1)?.group;
    expect(quit).toMatchObject({ sent: ["QUIT"], codes: [undefined], bytesReceived: 0 });
    expect(quit).not.toHaveProperty("firstReplyMs");
    expect(quit).not.toHaveProperty("error");
  });

  test("a reply that overtakes others, because those never come, counts for its own group", async () => {
    const { log } = await conversation(
      [message(1), message(2)],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 stored
      # silence for timeouts.followOn
      C: EHLO client.example
      S: 250-peer.example
      S: 250 PIPELINING
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 550 no
      S: 503 no
      S: 503 no
      ${BYE}`,
      { session: { timeouts: { followOn: 30 } } },
    );
    const groups = log.of("groupEnd").map(({ group }) => group);
    const received = groups.map(({ sent, bytesReceived }) => [sent[0], bytesReceived]);
    expect(received.slice(3, 5)).toEqual([
      [".", octets("250 stored")],
      ["EHLO client.example", octets("250-peer.example", "250 PIPELINING")],
    ]);
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
    expect(last?.error?.code).toBe("ESMTP_SOURCE_FAILED");
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

  test("apart, also if both have one id", async () => {
    const { port } = await startCountingServer("PIPELINING");
    const session = new SmtpSession({ host: "127.0.0.1", port });
    const told: [name: string, id: string | undefined, seq: number | undefined][] = [];
    for (const name of ["messageQueued", "messageStart", "recipientSucceeded", "messageEnd"] as const) {
      session.on(name, ({ messageId, messageSeq }) => told.push([name, messageId, messageSeq]));
    }
    session.on("sent", ({ line, messageId, messageSeq }) => {
      if (line === ".") told.push([line, messageId, messageSeq]);
    });
    await Promise.all([session.pipeline(message(1)), session.pipeline(message(2, { id: "m1" }))]);
    await session.quit();
    for (const name of ["messageQueued", "messageStart", ".", "recipientSucceeded", "messageEnd"]) {
      expect(told.filter(([each]) => each === name)).toEqual([
        [name, "m1", 1],
        [name, "m1", 2],
      ]);
    }
  });

  test("and their ends count whom RCPT accepted, whatever became of them", async () => {
    const { fates, log } = await conversation(
      [message(1, { to: ["b1@example.net", "c1@example.net", "gone@example.net"] })],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: RCPT TO:<c1@example.net>
      C: RCPT TO:<gone@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 550 no
      S: 354 go
      C: Text 1
      C: .
      S: 554 no
      ${BYE}`,
    );
    expect(fates).toEqual(["b1 failed message 554", "c1 failed message 554", "gone failed rcpt 550"]);
    expect(log.of("messageEnd").map(({ accepted }) => accepted)).toEqual([2]);
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

  test("comes before connect, whoever else calls meanwhile", async () => {
    const { log } = await conversation([], `${HELLO}\nC: NOOP\nS: 250 ok\n${BYE}`, {
      run: ({ session }) => Promise.all([session.noop(), session.connect(), session.connect()]),
    });
    expect(log.names.filter((name) => name.startsWith("connect"))).toEqual(["connecting", "connect"]);
  });
});

test("a session says where it is connected, and what the server owes", async () => {
  const owed: number[] = [];
  const peer = await ScriptedPeer.start();
  await peer.conversation(
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
        const { host, port, remoteAddress } = session;
        expect([host, port, remoteAddress]).toEqual(["127.0.0.1", peer.port, "127.0.0.1"]);
        expect(session.repliesOwed).toBe(0);
      },
    },
  );
  expect(owed).toEqual([3, 2]);
});
