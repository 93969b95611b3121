import type { Delivery, Message } from "smtp-pipelining";
import { BoundedPeerMemory, SmtpError } from "smtp-pipelining";
import { type PoolEventName, type PoolOptions, SmtpPool } from "smtp-pipelining/pool";
import { createTestServer, cut, stall, type TestServer } from "smtp-pipelining/testing";
import { expect, onTestFinished, test } from "vitest";

const data = "Subject: Hello\r\n\r\nHello.\r\n";

function message(n: number, more: Partial<Message> = {}): Message {
  return { id: `m${n}`, from: "news@example.org", to: `b${n}@example.net`, data, ...more };
}

function poolTo(server: Pick<TestServer, "host" | "port">, options: PoolOptions = {}): SmtpPool {
  const pool = new SmtpPool({
    host: server.host,
    port: server.port,
    peers: new BoundedPeerMemory(),
    backoff: { first: 1, most: 5 },
    ...options,
  });
  onTestFinished(() => pool.destroy());
  return pool;
}

function heard(pool: SmtpPool, ...names: PoolEventName[]): string[] {
  const log: string[] = [];
  for (const name of names) {
    pool.on(name, (event: object) => {
      const { messageId, address } = event as { readonly messageId?: string; readonly address?: string };
      log.push([name, messageId, address].filter((word) => word !== undefined).join(" "));
    });
  }
  return log;
}

function taken(server: TestServer): string[] {
  return server.messages.flatMap(({ to }) => to).sort();
}

async function all<T>(deliveries: AsyncIterable<Delivery<T>>): Promise<Delivery<T>[]> {
  const list: Delivery<T>[] = [];
  for await (const delivery of deliveries) list.push(delivery);
  return list;
}

test("messages go out, and a pool tells of them as a session does", async () => {
  await using server = await createTestServer();
  const pool = poolTo(server);
  const log = heard(
    pool,
    "sessionOpen",
    "messageQueued",
    "recipientAccepted",
    "recipientSucceeded",
    "messageEnd",
    "close",
    "sessionClose",
  );
  const delivery = await pool.pipeline(message(1));
  expect(delivery).toMatchObject({ id: "m1", ok: true });
  await pool.quit();
  expect(log).toEqual([
    "messageQueued m1",
    "sessionOpen",
    "recipientAccepted m1 b1@example.net",
    "recipientSucceeded m1 b1@example.net",
    "messageEnd m1",
    "close",
    "sessionClose",
    "close",
  ]);
  expect(taken(server)).toEqual(["b1@example.net"]);
});

test("what failed with its connection goes to another session, what is unknown never does", async () => {
  await using server = await createTestServer({ faults: [cut({ at: "text", nth: 2 })] });
  const pool = poolTo(server, { connections: 1 });
  const log = heard(pool, "retry", "recipientFailed", "recipientUnknown", "messageEnd");
  const deliveries = await Promise.all([1, 2, 3, 4].map((n) => pool.pipeline(message(n))));
  expect(deliveries.map(({ ok }) => ok)).toEqual([true, false, true, true]);
  expect(deliveries[1]?.unknown).toHaveLength(1);
  expect(taken(server)).toEqual([1, 2, 3, 4].map((n) => `b${n}@example.net`));
  expect(log.filter((line) => line.startsWith("retry"))).toEqual(["retry m3"]);
  expect(log.filter((line) => line.startsWith("recipient"))).toEqual(["recipientUnknown m2 b2@example.net"]);
  expect(log.filter((line) => line.startsWith("messageEnd"))).toHaveLength(4);
});

test("100 messages over three connections, through deliver()", async () => {
  await using server = await createTestServer({ latency: 5 });
  const pool = poolTo(server, { connections: 3 });
  const deliveries = await all(pool.deliver(Array.from({ length: 100 }, (_, n) => message(n))));
  expect(deliveries.every(({ ok }) => ok)).toBe(true);
  expect(new Set(taken(server)).size).toBe(100);
  expect(server.connections.length).toBe(3);
});

test("where no relay can be reached messages wait, and fail when patience is out", async () => {
  const server = await createTestServer();
  await server.close();
  const pool = poolTo(server, { patience: 50 });
  const delivery = await pool.pipeline(message(1));
  expect(delivery.failed).toMatchObject([{ stage: "connection", retryable: true }]);
  expect(delivery.error?.code).toBe("ESMTP_CONNECT");
  await expect(pool.connect()).rejects.toMatchObject({ code: "ESMTP_CONNECT" });
});

test("destroy() gives everything its fate", async () => {
  await using server = await createTestServer({ faults: [stall({ at: "MAIL" })] });
  const pool = poolTo(server, { connections: 1 });
  const deliveries = [1, 2, 3].map((n) => pool.pipeline(message(n)));
  await server.received("MAIL", 1);
  pool.destroy(new SmtpError("ESMTP_ABORTED", "enough"));
  const settled = await Promise.all(deliveries);
  expect(settled.map(({ failed }) => failed[0]?.stage)).toEqual(["aborted", "aborted", "aborted"]);
  expect(pool.pending).toBe(0);
});

test("a rate: no more messages a second than that, however many wait", async () => {
  await using server = await createTestServer();
  const pool = poolTo(server, { rate: { messages: 100 } });
  const start = performance.now();
  // The first hundred may go at once, the others as time passes.
  await all(pool.deliver(Array.from({ length: 140 }, (_, n) => message(n))));
  expect(performance.now() - start).toBeGreaterThanOrEqual(390);
  expect(taken(server)).toHaveLength(140);
});

test("a relay that complains is given less, and tells of it; what it refused is the server's word", async () => {
  await using server = await createTestServer({
    replies: { RCPT: ({ nth }) => (nth === 3 ? "450 4.7.1 Error: too much mail from 127.0.0.1" : undefined) },
  });
  const pool = poolTo(server, { connections: 1 });
  const paces: unknown[] = [];
  pool.on("pace", ({ change, limit, port }) => paces.push([change, typeof limit, port, pool.pacedRelays]));
  const deliveries = await all(pool.deliver(Array.from({ length: 12 }, (_, n) => message(n))));
  expect(deliveries.map(({ ok }) => ok).filter((ok) => !ok)).toHaveLength(1);
  expect(deliveries.flatMap(({ failed }) => failed)).toMatchObject([{ stage: "rcpt", retryable: true }]);
  expect(paces).toEqual([["slowed", "number", server.port, 1]]);
});
