import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisSkipped, startRedis, type TestRedis } from "../support/redis.ts";
import { setUp, TEXT } from "./set-up.ts";

let redis: TestRedis;

describe.skipIf(redisSkipped)("the concurrency of a worker", () => {
  beforeAll(async () => {
    redis = await startRedis("no");
  });
  afterAll(() => redis.close());

  /** Delivers messages over one connection to a server that is some way off. @returns how many were under way at most */
  async function mostUnderWay(concurrency: number, messages: number): Promise<number> {
    const extensions = ["PIPELINING", "CHUNKING", "ENHANCEDSTATUSCODES"];
    const { producer, server, worker, queue } = await setUp(redis, { extensions, latency: 25 });
    const pool = { host: "127.0.0.1", port: server.port, tls: "off", connections: 1 } as const;
    const one = worker({ pool, concurrency });
    const underWay = new Set<number>();
    let most = 0;
    one.pool.on("messageStart", ({ messageSeq }) => {
      underWay.add(messageSeq);
      most = Math.max(most, underWay.size);
    });
    let left = messages;
    const over = new Promise<void>((resolve) => {
      one.on("jobEnd", () => --left === 0 && resolve());
    });
    one.pool.on("messageEnd", ({ messageSeq }) => underWay.delete(messageSeq));
    await producer.addBulk(
      Array.from({ length: messages }, (_, i) => ({
        id: `${queue}-${i}`,
        from: "a@example.org",
        to: `b-${i}@example.net`,
        data: TEXT,
      })),
    );
    await one.run();
    await over;
    expect(server.connections).toHaveLength(1);
    expect(new Set(server.messages.flatMap(({ to }) => to)).size).toBe(messages);
    return most;
  }

  test("keeps hundreds of messages in flight on one connection", async () => {
    expect(await mostUnderWay(500, 2_000)).toBeGreaterThan(200);
  });

  test("bounds what is under way", async () => {
    expect(await mostUnderWay(20, 300)).toBeLessThanOrEqual(20);
  });
});
