import type { Queue } from "bullmq";
import type { RecipientEvent } from "smtp-pipelining/worker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisSkipped, startRedis, type TestRedis } from "../support/redis.ts";
import { next, setUp, TEXT } from "./set-up.ts";

// A worker that is alive, and whose message was taken over all the same: out of touch with Redis for too long, say.

let redis: TestRedis;

/** Takes the lock of a job away, as time does from a worker that can't renew it. */
async function expireLock(bull: Queue, id: string): Promise<void> {
  const client = await bull.backend.client;
  expect(await client.del(`${bull.toKey(id)}:lock`)).toBe(1);
}

/** A promise that the test fulfils. */
function signal(): { readonly given: Promise<void>; give(): void } {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

/** Has one message at a time: so it is another worker that takes this one over. */
const BUSY = { concurrency: 1 };

describe.skipIf(redisSkipped)("a message that is taken over from a worker that lives", () => {
  beforeAll(async () => {
    redis = await startRedis("no");
  });
  afterAll(() => redis.close());

  test("is not begun by the first one any more", async () => {
    const { producer, server, worker, bull } = await setUp(redis);
    const asked = signal();
    const resolved = signal();
    const first = worker({
      ...BUSY,
      text: async () => {
        asked.give();
        await resolved.given;
        return TEXT;
      },
    });
    const lost = next(first, "jobLost");
    await first.run();
    const id = await producer.add({ from: "a@example.org", to: "b@example.net", ref: 1 });
    await asked.given;
    await expireLock(bull, id);
    const second = worker({ text: () => TEXT });
    const ended = next(second, "jobEnd");
    const stalled = Promise.race([next(first, "jobStalled"), next(second, "jobStalled")]);
    await second.run();
    expect(await ended).toMatchObject({ id, result: "delivered", tries: 1 });
    expect(await stalled).toMatchObject({ id });
    resolved.give();
    expect(await lost).toMatchObject({ id });
    expect(server.messages).toHaveLength(1);
  });

  test("is settled by what the first one hears late, and not held any longer", async () => {
    const taken = signal();
    const { producer, server, worker, bull } = await setUp(redis, {
      replies: {
        text: async () => {
          await taken.given;
          return undefined;
        },
      },
    });
    const first = worker(BUSY);
    const told: RecipientEvent[] = [];
    first.on("recipient", (event) => told.push(event));
    const lost = next(first, "jobLost");
    await first.run();
    const id = await producer.add({ from: "a@example.org", to: "b@example.net", data: TEXT });
    await server.received("text");
    await expireLock(bull, id);
    const second = worker();
    const held = next(second, "jobHeld");
    await second.run();
    expect(await held).toMatchObject({ id, recipients: 1 });
    expect(await producer.held.list()).toMatchObject([{ id, unknown: ["b@example.net"] }]);
    const ended = Promise.race([next(first, "jobEnd"), next(second, "jobEnd")]);
    taken.give();
    expect(await lost).toMatchObject({ id });
    expect(await ended).toMatchObject({ id, result: "delivered", tries: 1 });
    expect(told).toMatchObject([{ address: "b@example.net", outcome: "succeeded" }]);
    expect(await producer.held.list()).toEqual([]);
    expect(server.messages).toHaveLength(1);
  });

  test("is tried again by what the first one hears late", async () => {
    const refused = signal();
    const { producer, server, worker, bull } = await setUp(redis, {
      replies: {
        text: async ({ nth }) => {
          if (nth > 1) return undefined;
          await refused.given;
          return "451 4.3.0 Try again later";
        },
      },
    });
    const first = worker(BUSY);
    await first.run();
    const id = await producer.add({ from: "a@example.org", to: "b@example.net", data: TEXT });
    await server.received("text");
    await expireLock(bull, id);
    const second = worker();
    const held = next(second, "jobHeld");
    await second.run();
    await held;
    const ended = Promise.race([next(first, "jobEnd"), next(second, "jobEnd")]);
    refused.give();
    expect(await ended).toMatchObject({ id, result: "delivered", tries: 2 });
    expect(server.messages).toHaveLength(1);
  });

  test("leaves what was sent by the second one as that one recorded it", async () => {
    const first = signal();
    const { producer, server, worker, bull } = await setUp(redis, {
      replies: {
        text: async ({ nth }) => {
          if (nth > 1) return undefined;
          await first.given;
          return "554 5.0.0 No";
        },
      },
    });
    const one = worker(BUSY);
    const lost = next(one, "jobLost");
    await one.run();
    const id = await producer.add({ from: "a@example.org", to: "b@example.net", data: TEXT });
    await server.received("text");
    await expireLock(bull, id);
    const two = worker({ unknown: "retry", keepDelivered: { count: 10 } });
    const ended = next(two, "jobEnd");
    await two.run();
    expect(await ended).toMatchObject({ id, result: "delivered", tries: 2 });
    first.give();
    await lost;
    expect((await bull.getJob(id))?.progress).toMatchObject({
      recipients: { 0: { status: "succeeded" } },
    });
  });
});
