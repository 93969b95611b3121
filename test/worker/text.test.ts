import { Readable } from "node:stream";
import type { JobProgress } from "smtp-pipelining/worker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisSkipped, startRedis, type TestRedis } from "../support/redis.ts";
import { next, setUp, TEXT } from "./set-up.ts";

let redis: TestRedis;

describe.skipIf(redisSkipped)("the text of a queued message", () => {
  beforeAll(async () => {
    redis = await startRedis("no");
  });
  afterAll(() => redis.close());

  test("may be octets, of UTF-8 or not", async () => {
    const { producer, server, worker } = await setUp(redis);
    const one = worker();
    await one.run();
    const texts = [
      Buffer.from("Subject: é\r\n\r\nHé\r\n", "utf8"),
      Buffer.from([0x53, 0x3a, 0xe9, 0xff, 0x0d, 0x0a]),
    ];
    for (const data of texts) {
      const ended = next(one, "jobEnd");
      await producer.add({ from: "a@example.org", to: "b@example.net", data, smtputf8: true });
      await ended;
    }
    expect(server.messages.map(({ octets }) => Buffer.from(octets))).toEqual(texts);
  });

  test("is made of a reference where that is given", async () => {
    const { producer, server, worker } = await setUp(redis);
    const asked: unknown[] = [];
    const one = worker({
      text: (ref) => {
        asked.push(ref);
        return Readable.from([TEXT]);
      },
    });
    const ended = next(one, "jobEnd");
    await one.run();
    const ref = { bucket: "letters", key: 7 };
    await producer.add({ from: "a@example.org", to: "b@example.net", ref });
    expect(await ended).toMatchObject({ result: "delivered" });
    expect(asked).toEqual([ref]);
    expect(server.messages).toMatchObject([{ text: TEXT }]);
  });

  test("that can't be had now is had later", async () => {
    const { producer, server, worker } = await setUp(redis);
    let calls = 0;
    const one = worker({
      retries: { delay: 10 },
      // First the function fails, then what it returned does.
      text: () => {
        if (++calls === 1) throw new Error("the store is down");
        if (calls > 2) return TEXT;
        return Readable.from(
          (function* () {
            yield "Subject: t";
            throw new Error("the store went down");
          })(),
        );
      },
    });
    const outcomes: string[] = [];
    one.on("recipient", ({ outcome }) => outcomes.push(outcome));
    const failed = next(one, "error");
    const ended = next(one, "jobEnd");
    await one.run();
    await producer.add({ from: "a@example.org", to: "b@example.net", ref: 1 });
    expect((await failed).error.message).toBe("the store is down");
    expect(await ended).toMatchObject({ result: "delivered", tries: 3 });
    expect(outcomes).toEqual(["deferred", "deferred", "succeeded"]);
    expect(server.messages).toMatchObject([{ text: TEXT }]);
  });

  test("is waited for where this worker can't make it", async () => {
    const { producer, worker } = await setUp(redis);
    const one = worker({ retries: { delay: 60_000 } });
    const deferred = next(one, "jobDeferred");
    const failed = next(one, "error");
    await one.run();
    await producer.add({ from: "a@example.org", to: "b@example.net", ref: 1 });
    expect(await deferred).toMatchObject({ tries: 1, recipients: 1 });
    expect((await failed).error.message).toMatch(/no option text/);
  });

  test("goes to many recipients in parts, each begun when the one before is recorded", async () => {
    const to = Array.from({ length: 250 }, (_, i) => `r-${i}@example.net`);
    const begun: number[] = [];
    const { producer, server, worker, bull } = await setUp(redis, {
      replies: {
        MAIL: async () => {
          const job = await bull.getJob("big");
          const { recipients } = (job?.progress ?? {}) as JobProgress;
          begun.push(Object.values(recipients).filter(({ status }) => status === "begun").length);
          return undefined;
        },
      },
    });
    const one = worker();
    const ended = next(one, "jobEnd");
    await one.run();
    await producer.add({ id: "big", from: "a@example.org", to, data: TEXT });
    expect(await ended).toMatchObject({ result: "delivered", succeeded: 250, tries: 1 });
    expect(begun).toEqual([100, 100, 50]);
    expect(server.messages.flatMap((message) => message.to)).toEqual(to);
  });
});
