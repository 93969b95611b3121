import { createTestServer, cut, stall } from "smtp-pipelining/testing";
import { expect, test } from "vitest";
import {
  addresses,
  all,
  Fates,
  fates,
  heard,
  message,
  messages,
  once,
  poolTo,
  taken,
} from "../support/pools.ts";

test("a message that waits is aborted at once, and nobody connects for it again", async () => {
  await using server = await createTestServer({ replies: { greeting: "421 4.3.2 Not now" } });
  const pool = poolTo(server, { backoff: { first: 60_000, most: 60_000 } });
  const told = new Fates(pool);
  const controller = new AbortController();
  const pipelined = pool.pipeline(message(1, { signal: controller.signal }));
  await once(pool, "sessionClose");
  controller.abort();
  const delivery = await pipelined;
  expect(fates(delivery)).toEqual(["failed aborted ESMTP_ABORTED"]);
  told.expect(delivery);
  expect([pool.pending, pool.waiting]).toEqual([0, 0]);
  await pool.quit();
  expect(server.connections).toHaveLength(1);
});

test("quit() is over once the last message that it waits for is aborted", async () => {
  await using server = await createTestServer({ faults: [stall({ at: "greeting" })] });
  const pool = poolTo(server);
  const controller = new AbortController();
  const pipelined = pool.pipeline(message(1, { signal: controller.signal }));
  const ended = pool.quit();
  await server.received("greeting");
  controller.abort();
  expect(fates(await pipelined)).toEqual(["failed aborted ESMTP_ABORTED"]);
  await ended;
  expect(pool.state).toBe("closed");
});

test("a message that a session has is aborted as there", async () => {
  await using server = await createTestServer({ faults: [stall({ at: "MAIL" })] });
  const pool = poolTo(server, { connections: 1 });
  const controller = new AbortController();
  const [first, second] = [message(1), message(2, { signal: controller.signal })];
  const deliveries = [pool.pipeline(first), pool.pipeline(second)] as const;
  await server.received("MAIL");
  controller.abort("enough");
  const delivery = await deliveries[1];
  expect(fates(delivery)).toEqual(["failed aborted ESMTP_ABORTED"]);
  expect(delivery.error?.cause).toBe("enough");
  expect(pool.pending).toBe(1);
});

test("aborted while its text is under way, and then cut: not sent again", async () => {
  await using server = await createTestServer({
    faults: [stall({ at: "DATA", when: "received", for: 50 }), cut({ at: "DATA" })],
  });
  const pool = poolTo(server);
  const log = heard(pool, "retry");
  const controller = new AbortController();
  const pipelined = pool.pipeline(message(1, { signal: controller.signal }));
  await server.received("DATA");
  controller.abort();
  expect((await pipelined).failed).toMatchObject([{ stage: "connection", retryable: true }]);
  await pool.quit();
  expect(log).toEqual([]);
  expect(server.connections).toHaveLength(1);
});

test("aborted between two attempts: the recipients that are left fail, aborted; the others keep their fate", async () => {
  let up = true;
  await using server = await createTestServer({
    replies: {
      greeting: () => (up ? undefined : "421 4.3.2 Not now"),
      "RCPT TO:<no@": "550 5.1.1 No such user",
      DATA: () => {
        up = false;
        return undefined;
      },
    },
    faults: [cut({ at: "DATA" })],
  });
  const pool = poolTo(server, { backoff: { first: 60_000, most: 60_000 } });
  const told = new Fates(pool);
  const controller = new AbortController();
  const to = ["no@example.net", "b1@example.net"];
  const pipelined = pool.pipeline(message(1, { to, signal: controller.signal }));
  await once(pool, "retry");
  await once(pool, "error");
  controller.abort();
  const delivery = await pipelined;
  expect(fates(delivery)).toEqual(["failed rcpt 550", "failed aborted ESMTP_ABORTED"]);
  told.expect(delivery);
});

test("a signal that has fired before: nothing is opened", async () => {
  await using server = await createTestServer();
  const pool = poolTo(server);
  const delivery = await pool.pipeline(message(1, { signal: AbortSignal.abort() }));
  expect(fates(delivery)).toEqual(["failed aborted ESMTP_ABORTED"]);
  await pool.quit();
  expect(server.connections).toEqual([]);
});

test("one signal of 100 messages: only the one whose DATA has gone goes out", async () => {
  await using server = await createTestServer({ faults: [stall({ at: "MAIL", for: 50 })] });
  const pool = poolTo(server, { connections: 1 });
  const told = new Fates(pool);
  const controller = new AbortController();
  const { signal } = controller;
  const deliveries = messages(1, 100).map((each) => pool.pipeline({ ...each, signal }));
  await server.received("MAIL");
  expect(pool.waiting).toBeGreaterThan(0);
  controller.abort();
  const settled = await Promise.all(deliveries);
  expect(settled.flatMap(fates)).toEqual([
    "succeeded",
    ...new Array<string>(99).fill("failed aborted ESMTP_ABORTED"),
  ]);
  for (const delivery of settled) told.expect(delivery);
  expect([pool.pending, pool.waiting]).toEqual([0, 0]);
});

test("break: what was not begun is aborted, what is on the wire is waited for, and not sent again", async () => {
  await using server = await createTestServer({
    faults: [stall({ at: "DATA", nth: 2, when: "received", for: 50 }), cut({ at: "DATA", nth: 2 })],
  });
  const pool = poolTo(server, { connections: 1 });
  const log = heard(pool, "retry");
  const told: string[] = [];
  pool.on("messageEnd", ({ delivery }) => {
    told.push(...delivery.recipients.map(({ status, stage }) => `${delivery.id} ${status} ${stage}`));
  });
  for await (const _ of pool.deliver(messages(1, 30))) {
    await server.received("DATA", 2);
    break;
  }
  expect(pool.pending).toBe(0);
  expect(log).toEqual([]);
  expect(taken(server)).toEqual(addresses(1, 1));
  const late = told.filter((line) => !/^m[12] /.test(line));
  expect(told).toContain("m1 succeeded message");
  expect(told).toContain("m2 failed connection");
  expect(late).toHaveLength(28);
  expect(late.every((line) => line.endsWith("failed aborted"))).toBe(true);
});

test("deliver()'s signal: what is not begun is aborted, all is settled and yielded, then it throws", async () => {
  await using server = await createTestServer({ faults: [stall({ at: "MAIL", nth: 3, for: 50 })] });
  const pool = poolTo(server, { connections: 1 });
  const controller = new AbortController();
  const yielded: string[] = [];
  const delivering = (async () => {
    for await (const delivery of pool.deliver(messages(1, 30), { signal: controller.signal })) {
      yielded.push(`${delivery.id} ${fates(delivery)}`);
      if (yielded.length === 2) void server.received("MAIL", 3).then(() => controller.abort());
    }
  })();
  await expect(delivering).rejects.toMatchObject({ code: "ESMTP_ABORTED" });
  const aborted = yielded.filter((line) => line.endsWith(" failed aborted ESMTP_ABORTED"));
  const others = yielded.filter((line) => !aborted.includes(line));
  expect(others.sort()).toEqual(["m1 succeeded", "m2 succeeded", "m3 succeeded"]);
  expect(aborted).toHaveLength(27);
  expect(pool.pending).toBe(0);
});

test("of two deliver() one is left: the other goes on", async () => {
  await using server = await createTestServer({ latency: 1 });
  const pool = poolTo(server, { connections: 2 });
  const others = all(pool.deliver(messages(101, 150)));
  for await (const _ of pool.deliver(messages(1, 100))) break;
  expect((await others).every(({ ok }) => ok)).toBe(true);
  expect(taken(server).filter((address) => address.length === "b100@example.net".length)).toEqual(
    expect.arrayContaining(addresses(101, 150)),
  );
});
