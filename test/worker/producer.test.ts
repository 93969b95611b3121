import { type QueuedMessage, SmtpProducer, SmtpWorker } from "smtp-pipelining/worker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisSkipped, startRedis, type TestRedis } from "../support/redis.ts";
import { next, setUp, TEXT } from "./set-up.ts";

let redis: TestRedis;
const MESSAGE = { from: "a@example.org", to: "b@example.net", data: TEXT };

describe.skipIf(redisSkipped)("a producer", () => {
  beforeAll(async () => {
    redis = await startRedis("no");
  });
  afterAll(() => redis.close());

  test("adds once what is added twice under an id, also when it has been delivered and removed", async () => {
    const { producer, server, worker } = await setUp(redis);
    const ids = await producer.addBulk([
      { ...MESSAGE, id: "once" },
      { ...MESSAGE, id: "once" },
      { ...MESSAGE, id: "other" },
    ]);
    expect(ids).toEqual(["once", "once", "other"]);
    expect(await producer.depth()).toMatchObject({ waiting: 2 });
    const one = worker();
    const other = new Promise<void>((resolve) => {
      let left = 2;
      one.on("jobEnd", () => --left === 0 && resolve());
    });
    await one.run();
    await other;
    await one.close();
    expect(await producer.depth()).toMatchObject({ waiting: 0, active: 0 });
    expect(await producer.add({ ...MESSAGE, id: "once" })).toBe("once");
    expect(await producer.depth()).toMatchObject({ waiting: 0 });
    expect(server.messages).toHaveLength(2);
  });

  test("adds again what it is not to remember", async () => {
    const { queue, worker } = await setUp(redis);
    const forgetful = new SmtpProducer({ connection: redis.connection, queue, remember: 0 });
    const one = worker();
    await one.run();
    for (let i = 0; i < 2; i++) {
      const ended = next(one, "jobEnd");
      await forgetful.add({ ...MESSAGE, id: "again" });
      expect(await ended).toMatchObject({ id: "again", result: "delivered" });
      // Its job is removed behind the event.
      await expect.poll(async () => (await forgetful.depth()).active).toBe(0);
    }
    await forgetful.close();
  });

  test("says when a message is due, and which goes first", async () => {
    const { producer, server, worker } = await setUp(redis);
    await producer.add({ ...MESSAGE, from: "late@example.org" }, { delay: 3_600_000 });
    await producer.add({ ...MESSAGE, from: "second@example.org" }, { priority: 7 });
    await producer.add({ ...MESSAGE, from: "first@example.org" }, { priority: 2 });
    expect(await producer.depth()).toEqual({
      waiting: 0,
      prioritized: 2,
      active: 0,
      delayed: 1,
      held: 0,
      failed: 0,
    });
    const one = worker({ concurrency: 1 });
    await one.run();
    await server.accepted(2);
    expect(server.messages.map(({ from }) => from)).toEqual(["first@example.org", "second@example.org"]);
  });

  test.each<[string, unknown, string]>([
    ["no sender", { to: "b@example.net", data: "" }, "message.from is missing"],
    ["no recipient", { ...MESSAGE, to: [] }, "message.to has no recipient"],
    ["neither text nor reference", { ...MESSAGE, data: undefined }, "message must have either data or ref"],
    ["both", { ...MESSAGE, ref: 1 }, "message must have either data or ref"],
    ["a stream", { ...MESSAGE, data: new ReadableStream() }, "message.data must be a string or a Uint8Array"],
    ["a colon in its id", { ...MESSAGE, id: "a:b" }, "message.id must have no colon"],
    ["an id of digits", { ...MESSAGE, id: "17" }, "message.id must have no colon"],
    ["an unknown field", { ...MESSAGE, cc: "c@example.net" }, "message.cc is unknown"],
  ])("refuses a message with %s", async (_, message, problem) => {
    const { producer } = await setUp(redis);
    const adding = producer.add(message as QueuedMessage);
    await expect(adding).rejects.toThrow(TypeError);
    await expect(adding).rejects.toThrow(problem);
    expect(await producer.depth()).toMatchObject({ waiting: 0 });
  });
});

test("options are checked before Redis is connected to", () => {
  const connection = { host: "127.0.0.1", port: 1 };
  const pool = { host: "127.0.0.1" };
  const wrong: [() => unknown, string][] = [
    [() => new SmtpProducer({} as never), "options.connection is missing"],
    [() => new SmtpProducer({ connection, queue: "a:b" }), "options.queue must be a string without colons"],
    [() => new SmtpProducer({ connection, remember: -1 }), "options.remember must be an integer from 0"],
    [() => new SmtpWorker({ connection } as never), "options.pool is missing"],
    [() => new SmtpWorker({ connection, pool, unknown: "drop" } as never), "options.unknown must be one of"],
    [() => new SmtpWorker({ connection, pool, concurrency: 0 }), "options.concurrency must be an integer"],
    [() => new SmtpWorker({ connection, pool, retries: { factor: 0.5 } }), "retries.factor must be a number"],
    [() => new SmtpWorker({ connection, pool, retries: { jitter: 2 } }), "retries.jitter must be a number"],
    [() => new SmtpWorker({ connection, pool: {} }), "options.host is missing"],
  ];
  for (const [make, problem] of wrong) {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(problem);
  }
});
