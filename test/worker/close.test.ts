import { SmtpPool } from "smtp-pipelining/pool";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { redisSkipped, startRedis, type TestRedis } from "../support/redis.ts";
import { next, setUp, TEXT } from "./set-up.ts";

let redis: TestRedis;
const MESSAGE = { from: "a@example.org", to: "b@example.net", data: TEXT };

describe.skipIf(redisSkipped)("the end of a worker", () => {
  beforeAll(async () => {
    redis = await startRedis("no");
  });
  afterAll(() => redis.close());

  test("settles what is begun, and gives back what is not", async () => {
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { producer, server, worker } = await setUp(redis, {
      replies: {
        text: async () => {
          await answered;
          return undefined;
        },
      },
    });
    // One message at a time is given to a session, and one waits: so the others are not begun.
    const pool = new SmtpPool({
      host: "127.0.0.1",
      port: server.port,
      tls: "off",
      connections: 1,
      queue: { messages: 1 },
    });
    onTestFinished(() => pool.quit());
    const one = worker({ pool });
    const ids = await producer.addBulk(Array.from({ length: 300 }, () => MESSAGE));
    const ended: string[] = [];
    one.on("jobEnd", ({ id }) => ended.push(id));
    const over = next(one, "close");
    await one.run();
    await server.received("text");
    const closing = one.close();
    answer();
    await closing;
    await over;
    const { waiting, active, delayed } = await producer.depth();
    expect({ active, delayed }).toEqual({ active: 0, delayed: 0 });
    expect(ended.length).toBeGreaterThan(0);
    expect(waiting).toBeGreaterThan(0);
    expect(waiting + ended.length).toBe(ids.length);
    expect(server.messages).toHaveLength(ended.length);
  });

  test("does not wait for a server that is silent where it is told not to", async () => {
    const { producer, server, worker } = await setUp(redis, {
      replies: { text: () => new Promise(() => {}) },
    });
    const one = worker();
    await one.run();
    await producer.add(MESSAGE);
    await server.received("text");
    const outcome = next(one, "recipient");
    await one.close({ signal: AbortSignal.abort() });
    expect(await outcome).toMatchObject({ outcome: "unknown" });
    expect(await producer.held.list()).toHaveLength(1);
  });

  test("comes once, and a worker that is closed takes nothing", async () => {
    const { producer, worker } = await setUp(redis);
    const one = worker();
    const closing = one.close();
    await Promise.all([closing, one.close()]);
    await one.run();
    await producer.add(MESSAGE);
    expect(await producer.depth()).toMatchObject({ waiting: 1 });
  });
});
