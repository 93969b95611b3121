import { cut, type TestServerOptions } from "smtp-pipelining/testing";
import type { RecipientEvent } from "smtp-pipelining/worker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisSkipped, startRedis, type TestRedis } from "../support/redis.ts";
import { next, setUp, TEXT } from "./set-up.ts";

let redis: TestRedis;

describe.skipIf(redisSkipped)("a worker", () => {
  beforeAll(async () => {
    redis = await startRedis("no");
  });
  afterAll(() => redis.close());

  test("delivers what a producer adds, and leaves no job behind", async () => {
    const { producer, server, worker, bull } = await setUp(redis);
    const one = worker();
    const ended = next(one, "jobEnd");
    await one.run();
    const id = await producer.add({ from: "a@example.org", to: "b@example.net", data: TEXT, tag: { n: 1 } });
    expect(await ended).toMatchObject({ id, tag: { n: 1 }, result: "delivered", succeeded: 1, tries: 1 });
    expect(server.messages).toMatchObject([{ from: "a@example.org", to: ["b@example.net"], text: TEXT }]);
    await one.close();
    expect(await bull.getJob(id)).toBeUndefined();
  });

  test("records in the job that its recipients are begun before the first octet of it leaves", async () => {
    const seen: unknown[] = [];
    const { producer, worker, bull } = await setUp(redis, {
      replies: {
        MAIL: async () => {
          seen.push((await bull.getJob("m-1"))?.progress);
          return undefined;
        },
      },
    });
    const one = worker();
    const ended = next(one, "jobEnd");
    await one.run();
    const to = ["b@example.net", "c@example.net"];
    await producer.add({ id: "m-1", from: "a@example.org", to, data: TEXT });
    await ended;
    expect(seen).toEqual([
      { rev: 1, attempt: 1, tries: 1, recipients: { 0: { status: "begun" }, 1: { status: "begun" } } },
    ]);
  });

  test("tries again those that were deferred, and no other; fails for good what is refused for good", async () => {
    let busy = 0;
    const { producer, server, worker, bull } = await setUp(redis, {
      replies: {
        "RCPT TO:<gone@": "550 5.1.1 No such user here",
        "RCPT TO:<busy@": () => (++busy < 3 ? "450 4.2.1 Mailbox busy" : undefined),
      },
    });
    const one = worker({ retries: { delay: 20, jitter: 0 } });
    const told: RecipientEvent[] = [];
    const deferred: number[] = [];
    one.on("recipient", (event) => told.push(event));
    one.on("jobDeferred", ({ delayMs }) => deferred.push(delayMs));
    const ended = next(one, "jobEnd");
    await one.run();
    const to = ["well@example.net", "busy@example.net", "gone@example.net"];
    const id = await producer.add({ from: "a@example.org", to, data: TEXT });
    expect(await ended).toMatchObject({ result: "partial", succeeded: 2, failed: 1, expired: 0, tries: 3 });
    expect(server.messages.map((message) => message.to)).toEqual([
      ["well@example.net"],
      ["busy@example.net"],
    ]);
    expect(told.map(({ address, outcome, final }) => [address.split("@")[0], outcome, final])).toEqual([
      ["well", "succeeded", true],
      ["busy", "deferred", false],
      ["gone", "failed", true],
      ["busy", "deferred", false],
      ["busy", "succeeded", true],
    ]);
    // Twice as long the second time.
    expect(deferred).toEqual([20, 40]);
    await one.close();
    const job = await bull.getJob(id);
    expect(job?.failedReason).toBe("1 not delivered to; failed 550 5.1.1 No such user here");
    expect(job?.progress).toMatchObject({
      recipients: {
        0: { status: "succeeded", code: 250 },
        1: { status: "succeeded", code: 250 },
        2: { status: "failed", stage: "rcpt", code: 550, enhanced: "5.1.1", text: "5.1.1 No such user here" },
      },
    });
  });

  test("gives up what is deferred until it is too old", async () => {
    const { producer, worker } = await setUp(redis, { replies: { RCPT: "450 4.2.1 Mailbox busy" } });
    const one = worker({ retries: { delay: 30, factor: 1, jitter: 0, maxAge: 100 } });
    const outcomes: string[] = [];
    one.on("recipient", ({ outcome }) => outcomes.push(outcome));
    const ended = next(one, "jobEnd");
    await one.run();
    await producer.add({ from: "a@example.org", to: "b@example.net", data: TEXT });
    const end = await ended;
    expect(end).toMatchObject({ result: "expired", succeeded: 0, failed: 0, expired: 1 });
    expect(end.tries).toBeGreaterThan(1);
    expect(end.tries).toBeLessThanOrEqual(4);
    expect(outcomes).toEqual([...Array.from({ length: end.tries }, () => "deferred"), "expired"]);
  });

  describe("a recipient whose fate is unknown", () => {
    const LOST: TestServerOptions = { faults: [cut({ at: "text" })] };

    test("is held until it is released", async () => {
      const { producer, server, worker } = await setUp(redis, LOST);
      const one = worker();
      const held = next(one, "jobHeld");
      await one.run();
      const to = ["b@example.net", "c@example.net"];
      const id = await producer.add({ from: "a@example.org", to, data: TEXT, tag: "x" });
      expect(await held).toMatchObject({ id, tag: "x", recipients: 2 });
      expect(await producer.held.list()).toMatchObject([
        { id, from: "a@example.org", unknown: to, others: 0, tag: "x" },
      ]);
      expect(await one.depth()).toEqual({
        waiting: 0,
        prioritized: 0,
        active: 0,
        delayed: 0,
        held: 1,
        failed: 0,
      });
      const ended = next(one, "jobEnd");
      expect(await producer.held.release(id)).toBe(true);
      expect(await ended).toMatchObject({ id, result: "delivered", tries: 2 });
      // The server had taken it the first time.
      expect(server.messages.map((message) => message.to)).toEqual([to, to]);
      expect(await one.held.list()).toEqual([]);
      expect(await producer.held.release(id)).toBe(false);
    });

    test("is held until somebody says what became of it", async () => {
      const { producer, server, worker } = await setUp(redis, LOST);
      const one = worker();
      const held = next(one, "jobHeld");
      await one.run();
      const id = await producer.add({ from: "a@example.org", to: "b@example.net", data: TEXT });
      await held;
      const ended = next(one, "jobEnd");
      expect(await one.held.settle(id, "failed")).toBe(true);
      expect(await ended).toMatchObject({ id, result: "rejected", tries: 1 });
      expect(server.messages).toHaveLength(1);
    });

    test("is sent again where that is asked for", async () => {
      const { producer, server, worker } = await setUp(redis, LOST);
      const one = worker({ unknown: "retry", retries: { delay: 10 } });
      const outcomes: string[] = [];
      one.on("recipient", ({ outcome }) => outcomes.push(outcome));
      const ended = next(one, "jobEnd");
      await one.run();
      await producer.add({ from: "a@example.org", to: "b@example.net", data: TEXT });
      expect(await ended).toMatchObject({ result: "delivered", tries: 2 });
      expect(outcomes).toEqual(["unknown", "succeeded"]);
      expect(server.messages).toHaveLength(2);
    });
  });
});
