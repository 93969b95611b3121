import { once } from "node:events";
import { createServer } from "node:net";
import { BoundedPeerMemory, type SessionOptions, SmtpSession } from "smtp-pipelining";
import { describe, expect, onTestFinished, test } from "vitest";
import { BYE, conversation, fate, HELLO, hello, message } from "../support/scripted-peer.ts";

// PROTOCOL: one command at a time, where it differs from the plain rows of the table: 421, hanging up.

const ENVELOPE = `
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on`;

const SECOND = `
    C: MAIL FROM:<a2@example.org>
    S: 250 ok
    C: RCPT TO:<b2@example.net>
    S: 250 ok
    C: DATA
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued`;

const QUICK: SessionOptions = { timeouts: { closing: 40 } };

const AT_421: readonly [string, string, string][] = [
  ["MAIL", "C: MAIL FROM:<a1@example.org>", "b1 failed mail 421 retryable"],
  [
    "RCPT",
    `
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>`,
    "b1 failed rcpt 421 retryable",
  ],
  [
    "DATA",
    `
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: DATA`,
    "b1 failed data 421 retryable",
  ],
  [
    "the end of a text",
    `${ENVELOPE}
    C: Text 1
    C: .`,
    "b1 failed message 421 retryable",
  ],
];

describe.each(AT_421)("421 to %s: its own refusal, and nothing more is written", (_, upTo, expected) => {
  const behind = "b2 failed connection ESMTP_SERVER_CLOSING retryable";

  test("then the server closes", async () => {
    const { fates, error, reason } = await conversation(
      [message(1), message(2)],
      `
      ${hello()}
      ${upTo}
      S: 421 too busy
      -- pause
      -- close
      `,
    );
    expect(fates).toEqual([expected, behind]);
    expect([error, reason]).toEqual(["ESMTP_SERVER_CLOSING", "server"]);
  });

  test("then silence, which counts as a lost connection", async () => {
    const { fates, error, reason } = await conversation(
      [message(1), message(2)],
      `
      ${hello()}
      ${upTo}
      S: 421 too busy
      -- client closes
      `,
      { session: QUICK },
    );
    expect(fates).toEqual([expected, behind]);
    expect([error, reason]).toEqual(["ESMTP_SERVER_CLOSING", "server"]);
  });
});

test("421 between messages: the session is over", async () => {
  const { fates, error, reason } = await conversation(
    [],
    `
    ${hello()}
    ${SECOND}
    S: 421 idle for too long
    -- client closes
    `,
    {
      run: async ({ send, session }) => {
        const closed = new Promise<void>((resolve) => session.on("close", () => resolve()));
        await send(message(2));
        await closed;
        const late = await session.pipeline(message(3));
        expect(late.recipients.map(fate)).toEqual(["b3 failed connection ESMTP_SERVER_CLOSING retryable"]);
      },
    },
  );
  expect(fates).toEqual(["b2 succeeded 250"]);
  expect([error, reason]).toEqual(["ESMTP_SERVER_CLOSING", "server"]);
});

const DATA_REFUSED = `
    C: MAIL FROM:<a1@example.org>
    S: 250 ok
    C: RCPT TO:<b1@example.net>
    S: 250 ok
    C: DATA
    S: 451 no disk
    C: RSET`;

test("RSET refused: the server may be hanging up, nothing more is written", async () => {
  const { fates, error } = await conversation(
    [message(1), message(2)],
    `
    ${hello()}
    ${DATA_REFUSED}
    S: 554 too many nonmail commands
    -- pause
    -- close
    `,
  );
  expect(fates).toEqual([
    "b1 failed data 451 retryable",
    "b2 failed connection ESMTP_SERVER_CLOSING retryable",
  ]);
  expect(error).toBe("ESMTP_SERVER_CLOSING");
});

test("RSET refused, and a reply behind it: out of step", async () => {
  const { fates, error, reason } = await conversation(
    [message(1), message(2)],
    `
    ${hello()}
    ${DATA_REFUSED}
    S: 500 what?
    -- pause
    S: 250 reset
    -- client closes
    `,
  );
  expect(fates).toEqual(["b1 failed data 451 retryable", "b2 failed connection ESMTP_OUT_OF_STEP retryable"]);
  expect([error, reason]).toEqual(["ESMTP_OUT_OF_STEP", "error"]);
});

test.each([
  ["the greeting", "-- close"],
  ["EHLO", "S: 220 peer.example\nC: EHLO client.example\n-- close"],
  ["HELO", "S: 220 peer.example\nC: EHLO client.example\nS: 502 what?\nC: HELO client.example\n-- close"],
])("lost before %s is answered: all of the queue is retryable", async (_, script) => {
  const { fates, reason } = await conversation([message(1), message(2)], script);
  expect(fates).toEqual([
    "b1 failed connection ESMTP_CONNECTION_LOST retryable",
    "b2 failed connection ESMTP_CONNECTION_LOST retryable",
  ]);
  expect(reason).toBe("server");
});

test("a server that knows only HELO offers nothing", async () => {
  const { fates } = await conversation(
    [message(1, { data: "caf\u00e9\r\n" }), message(2)],
    `
    S: 220 peer.example
    C: EHLO client.example
    S: 500 what?
    C: HELO client.example
    S: 250-peer.example
    S: 250-PIPELINING
    S: 250-8BITMIME
    S: 250 SIZE 1000
    ${SECOND}
    ${BYE}
    `,
  );
  expect(fates).toEqual(["b1 failed unsupported ESMTP_UNSUPPORTED", "b2 succeeded 250"]);
});

test("a message queued while a text's answer is owed waits for it, and an ordinary command too", async () => {
  const { fates } = await conversation(
    [message(1)],
    `
    ${HELLO}
    ${ENVELOPE}
    C: Text 1
    C: .
    -- queue more
    -- pause
    S: 250 queued
    C: NOOP
    S: 250 ok
    ${SECOND}
    ${BYE}
    `,
    {
      session: { pipelining: "off" },
      actions: {
        "queue more": ({ send, session }) => {
          void session.noop();
          void send(message(2));
        },
      },
    },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test('pipelining: "transaction": a message queued while a text\'s answer is owed waits for it', async () => {
  const { fates } = await conversation(
    [message(1)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    -- queue more
    -- pause
    S: 250 queued
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 2
    C: .
    S: 250 queued
    ${BYE}
    `,
    {
      session: { pipelining: "transaction" },
      actions: { "queue more": ({ send }) => void send(message(2)) },
    },
  );
  expect(fates).toEqual(["b1 succeeded 250", "b2 succeeded 250"]);
});

test("five messages with several recipients each: never two commands in one packet", async () => {
  const packets: string[] = [];
  const server = createServer((socket) => {
    let text = false;
    socket.write("220 peer.example\r\n");
    socket.on("data", (octets) => {
      const packet = octets.toString("latin1");
      packets.push(packet);
      if (text) text = !packet.endsWith("\r\n.\r\n");
      else text = packet === "DATA\r\n";
      socket.write(text ? "354 go on\r\n" : packet === "QUIT\r\n" ? "221 bye\r\n" : "250 ok\r\n");
      if (packet === "QUIT\r\n") socket.end();
    });
  });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const session = new SmtpSession({ host: "127.0.0.1", port, peers: new BoundedPeerMemory() });
  const to = ["b@example.net", "c@example.net"];
  const deliveries = await Promise.all([1, 2, 3, 4, 5].map((n) => session.pipeline(message(n, { to }))));
  await session.quit();
  expect(deliveries.map(({ ok }) => ok)).toEqual([true, true, true, true, true]);
  const texts = packets.filter((packet) => packet.endsWith("\r\n.\r\n"));
  expect(texts).toEqual([1, 2, 3, 4, 5].map((n) => `Text ${n}\r\n.\r\n`));
  const commands = packets.filter((packet) => !texts.includes(packet));
  expect(commands.length).toBe(1 + 5 * 4 + 1);
  expect(commands.filter((packet) => !/^[^\r\n]+\r\n$/.test(packet))).toEqual([]);
});
