import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { redisSkipped, startRedis, type TestRedis } from "../support/redis.ts";
import { next, setUp, TEXT } from "./set-up.ts";

let redis: TestRedis;

describe.skipIf(redisSkipped)("a Redis that has no room", () => {
  beforeAll(async () => {
    redis = await startRedis("no");
  });
  afterAll(() => redis.close());

  test("is told what became of a message once it has room again: nothing is held for it", async () => {
    const operator = new Redis(redis.connection);
    onTestFinished(() => void operator.disconnect());
    const { producer, server, worker } = await setUp(redis, {
      replies: {
        text: async () => {
          await operator.config("SET", "maxmemory", "1");
          return undefined;
        },
      },
    });
    const one = worker();
    const failed = next(one, "error");
    const outcome = next(one, "recipient");
    const ended = next(one, "jobEnd");
    await one.run();
    await producer.add({ from: "a@example.org", to: "b@example.net", data: TEXT });
    expect((await failed).error.message).toMatch(/OOM/);
    await operator.config("SET", "maxmemory", "0");
    expect(await outcome).toMatchObject({ outcome: "succeeded" });
    expect(await ended).toMatchObject({ result: "delivered", tries: 1 });
    expect(server.messages).toHaveLength(1);
    expect(await producer.held.list()).toEqual([]);
  });
});
