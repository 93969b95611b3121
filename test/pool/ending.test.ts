import { SmtpError } from "smtp-pipelining";
import type { SmtpPool } from "smtp-pipelining/pool";
import { createTestServer, cut, stall } from "smtp-pipelining/testing";
import { describe, expect, test } from "vitest";
import {
  addresses,
  counted,
  Fates,
  fates,
  heard,
  message,
  messages,
  once,
  poolTo,
  taken,
} from "../support/pools.ts";

describe("quit()", () => {
  test("settles what waits and what is on its way, and says QUIT to every session", async () => {
    await using server = await createTestServer({ latency: 2 });
    const pool = poolTo(server, { connections: 2 });
    const deliveries = messages(1, 50).map((each) => pool.pipeline(each));
    await pool.quit();
    const settled = await Promise.all(deliveries);
    expect(settled.every(({ ok }) => ok)).toBe(true);
    expect(taken(server)).toEqual(addresses(1, 50));
    const { length } = server.connections;
    expect(length).toBe(2);
    expect(server.commands.filter(({ verb }) => verb === "QUIT")).toHaveLength(length);
    expect([pool.state, pool.pending, [...pool.sessions]]).toEqual(["closed", 0, []]);
  });

  test("of a pool that did nothing closes it, once, whoever calls", async () => {
    await using server = await createTestServer();
    const pool = poolTo(server);
    const log = heard(pool, "close", "sessionOpen");
    await Promise.all([pool.quit(), pool.quit(), pool[Symbol.asyncDispose]()]);
    await pool.quit();
    expect(log).toEqual(["close"]);
    expect(server.connections).toEqual([]);
  });

  test("while the only session connects: its message goes out first", async () => {
    await using server = await createTestServer({ faults: [stall({ at: "greeting", for: 30 })] });
    const pool = poolTo(server);
    const pipelined = pool.pipeline(message(1));
    await server.received("greeting");
    await pool.quit();
    expect(fates(await pipelined)).toEqual(["succeeded"]);
  });

  test("while connect() connects and nothing is queued: connect() rejects, nobody is waited for", async () => {
    await using server = await createTestServer({ faults: [stall({ at: "greeting" })] });
    const pool = poolTo(server);
    const connecting = expect(pool.connect()).rejects.toMatchObject({ code: "ESMTP_CLOSED" });
    await server.received("greeting");
    await pool.quit();
    await connecting;
    await server.disconnected();
  });

  test("waits for a relay that is down, as long as messages do", async () => {
    let up = false;
    await using server = await createTestServer({
      replies: { greeting: () => (up ? undefined : "421 4.3.2 Not now") },
    });
    const pool = poolTo(server);
    const pipelined = pool.pipeline(message(1));
    await once(pool, "sessionClose");
    const ended = pool.quit();
    await server.received("greeting", 3);
    up = true;
    expect(fates(await pipelined)).toEqual(["succeeded"]);
    await ended;
  });

  test("with messages that fail with their connection: they are tried again first", async () => {
    await using server = await createTestServer({ faults: [cut({ at: "DATA", nth: 2 })] });
    const pool = poolTo(server, { connections: 1 });
    const deliveries = messages(1, 4).map((each) => pool.pipeline(each));
    await pool.quit();
    expect((await Promise.all(deliveries)).every(({ ok }) => ok)).toBe(true);
    expect(taken(server)).toEqual(addresses(1, 4));
  });

  test("its signal gives up what is left", async () => {
    await using server = await createTestServer({ faults: [stall({ at: "MAIL", nth: 2 })] });
    const pool = poolTo(server, { connections: 1 });
    const told = new Fates(pool);
    const deliveries = messages(1, 20).map((each) => pool.pipeline(each));
    const controller = new AbortController();
    const ended = pool.quit({ signal: controller.signal });
    await Promise.all([server.received("MAIL", 2), deliveries[0]]);
    controller.abort("late");
    await ended;
    const settled = await Promise.all(deliveries);
    expect(settled.flatMap(fates)).toEqual([
      "succeeded",
      ...new Array<string>(19).fill("failed aborted ESMTP_ABORTED"),
    ]);
    expect(settled[1]?.error?.cause).toBe("late");
    for (const delivery of settled) told.expect(delivery);
    await server.disconnected();
  });

  test("a second call brings a signal to the first", async () => {
    await using server = await createTestServer({ faults: [stall({ at: "MAIL" })] });
    const pool = poolTo(server);
    const pipelined = pool.pipeline(message(1));
    const first = pool.quit();
    await server.received("MAIL");
    await pool.quit({ signal: AbortSignal.abort() });
    await first;
    expect(fates(await pipelined)).toEqual(["failed aborted ESMTP_ABORTED"]);
  });

  test("takes no new messages: they fail, and are told of", async () => {
    await using server = await createTestServer({ faults: [stall({ at: "DATA", for: 30 })] });
    const pool = poolTo(server);
    const told = new Fates(pool);
    const first = pool.pipeline(message(1));
    await server.received("DATA");
    const ended = pool.quit();
    expect(pool.state).toBe("closing");
    const late = await pool.pipeline(message(2));
    expect(fates(late)).toEqual(["failed connection ESMTP_CLOSED"]);
    expect(late.failed[0]?.retryable).toBe(true);
    told.expect(late);
    await expect(pool.connect()).rejects.toMatchObject({ code: "ESMTP_CLOSED" });
    expect(fates(await first)).toEqual(["succeeded"]);
    await ended;
  });

  test("by a listener of messageQueued: that message was queued before", async () => {
    await using server = await createTestServer();
    const pool = poolTo(server);
    pool.on("messageQueued", () => void pool.quit());
    expect(fates(await pool.pipeline(message(1)))).toEqual(["succeeded"]);
  });
});

/** Where a pool is when it is destroyed. */
interface Moment {
  readonly name: string;
  readonly at: Parameters<typeof stall>[0];
  readonly fate: string;
}

const MOMENTS: readonly Moment[] = [
  { name: "while it connects", at: { at: "greeting" }, fate: "failed aborted ESMTP_DESTROYED" },
  { name: "behind EHLO", at: { at: "EHLO" }, fate: "failed aborted ESMTP_DESTROYED" },
  { name: "behind an envelope", at: { at: "MAIL" }, fate: "failed aborted ESMTP_DESTROYED" },
  { name: "behind DATA", at: { at: "DATA" }, fate: "failed aborted ESMTP_DESTROYED" },
  { name: "behind a text", at: { at: "text" }, fate: "unknown connection ESMTP_DESTROYED" },
  {
    name: "behind a text that was not taken",
    at: { at: "text", when: "received" },
    fate: "unknown connection ESMTP_DESTROYED",
  },
];

describe("destroy()", () => {
  test.each(MOMENTS)("$name", async ({ at, fate }) => {
    await using server = await createTestServer({ faults: [stall(at)] });
    const count = counted();
    const pool = poolTo(server, { connections: 1, ...count.options });
    const told = new Fates(pool);
    const log = heard(pool, "error", "retry", "close");
    const deliveries = messages(1, 30).map((each) => pool.pipeline(each));
    await server.received("at" in at ? at.at : "MAIL");
    pool.destroy();
    const settled = await Promise.all(deliveries);
    expect(settled.flatMap(fates)).toEqual([
      fate,
      ...new Array<string>(29).fill("failed aborted ESMTP_DESTROYED"),
    ]);
    for (const delivery of settled) told.expect(delivery);
    await pool.quit();
    // A destroy() without a reason is no failure.
    expect(log).toEqual(["close", "close"]);
    expect([pool.state, pool.pending, pool.waiting]).toEqual(["closed", 0, 0]);
    await server.disconnected();
  });

  test("while messages wait for a relay that can't be reached", async () => {
    await using server = await createTestServer({ replies: { greeting: "421 4.3.2 Not now" } });
    const pool = poolTo(server, { backoff: { first: 60_000, most: 60_000 } });
    const deliveries = messages(1, 3).map((each) => pool.pipeline(each));
    await once(pool, "sessionClose");
    pool.destroy();
    expect((await Promise.all(deliveries)).flatMap(fates)).toEqual(
      new Array<string>(3).fill("failed aborted ESMTP_DESTROYED"),
    );
    expect(pool.state).toBe("closed");
  });

  test("with a reason: results, errors of the sessions and what comes later say it", async () => {
    await using server = await createTestServer({ faults: [stall({ at: "MAIL" })] });
    const pool = poolTo(server, { connections: 1 });
    const reason = new Error("The building is on fire");
    const errors: unknown[] = [];
    pool.on("error", ({ error }) => errors.push([error.code, error.cause]));
    const closes: unknown[] = [];
    pool.on("close", ({ sessionId, reason }) => closes.push([sessionId === pool.id, reason]));
    const deliveries = messages(1, 20).map((each) => pool.pipeline(each));
    await server.received("MAIL");
    pool.destroy(reason);
    for (const { error } of await Promise.all(deliveries)) {
      expect(error).toMatchObject({ code: "ESMTP_DESTROYED", message: reason.message, cause: reason });
    }
    expect(errors).toEqual([["ESMTP_DESTROYED", reason]]);
    expect(closes).toEqual([
      [false, "aborted"],
      [true, "aborted"],
    ]);
    expect(fates(await pool.pipeline(message(99)))).toEqual(["failed connection ESMTP_DESTROYED"]);
    await expect(pool.connect()).rejects.toMatchObject({ code: "ESMTP_DESTROYED" });
  });

  test("with a reason of the caller's own kind: it stays as it is", async () => {
    await using server = await createTestServer({ faults: [stall({ at: "MAIL" })] });
    const pool = poolTo(server, { connections: 1 });
    const reason = new SmtpError("ESMTP_ABORTED", "enough");
    const deliveries = messages(1, 20).map((each) => pool.pipeline(each));
    await server.received("MAIL");
    pool.destroy(reason);
    for (const { error } of await Promise.all(deliveries)) expect(error).toBe(reason);
  });

  test.each([
    "messageQueued",
    "sessionOpen",
    "connecting",
    "connect",
    "ready",
    "messageStart",
    "sent",
    "reply",
    "recipientAccepted",
    "recipientSucceeded",
    "recipientFailed",
    "groupEnd",
    "messageEnd",
    "drain",
    "retry",
    "sessionClose",
  ] as const)(
    "by a listener of %s: everything has its fate, and nothing comes behind close",
    async (name) => {
      await using server = await createTestServer({
        replies: { "RCPT TO:<b2@": "550 5.1.1 No such user" },
        faults: [cut({ at: "DATA", nth: 5 })],
      });
      const pool = poolTo(server, { connections: 2, queue: { messages: 10 }, maxMessages: 8 });
      const told = new Fates(pool);
      const log = heard(pool, "recipientSucceeded", "recipientFailed", "messageEnd", "sessionClose");
      pool.on("close", ({ sessionId }) => log.push(sessionId === pool.id ? "the end" : "close"));
      pool.on(name, () => pool.destroy());
      const late = new Set<string>();
      const deliveries = messages(1, 20).map((each) => {
        if (pool.state === "closed") late.add(`${each.id}`);
        return pool.pipeline(each);
      });
      const settled = await Promise.all(deliveries);
      await pool.quit();
      for (const delivery of settled) if (!late.has(delivery.id)) told.expect(delivery);
      expect(log.at(-1)).toBe("the end");
      expect([pool.pending, pool.waiting]).toEqual([0, 0]);
      for (const { status, address } of settled.flatMap(({ recipients }) => recipients)) {
        const times = taken(server).filter((each) => each === address).length;
        if (status === "succeeded") expect(times).toBe(1);
        if (status === "failed") expect(times).toBe(0);
      }
    },
  );

  test("by options.signal, before or later", async () => {
    await using server = await createTestServer({ faults: [stall({ at: "MAIL" })] });
    const controller = new AbortController();
    const pool = poolTo(server, { signal: controller.signal });
    const pipelined = pool.pipeline(message(1));
    await server.received("MAIL");
    controller.abort("over");
    const { error } = await pipelined;
    expect(error).toMatchObject({ code: "ESMTP_ABORTED", cause: "over" });
    await pool.quit();
    const late = poolTo(server, { signal: controller.signal });
    expect(fates(await late.pipeline(message(2)))).toEqual(["failed aborted ESMTP_ABORTED"]);
    expect(server.connections).toHaveLength(1);
  });
});

test("a closed pool has no events: what it is given fails all the same", async () => {
  await using server = await createTestServer();
  const pool = poolTo(server);
  const early: SmtpPool["pipeline"] extends (...args: never) => infer R ? R[] : never = [];
  pool.on("close", () => {
    pool.on("messageEnd", () => log.push("messageEnd inside close"));
    early.push(pool.pipeline(message(1)));
  });
  await pool.quit();
  const log = heard(pool, "messageQueued", "recipientFailed", "messageEnd", "drain", "warning", "close");
  for (const pipelined of [...early, pool.pipeline(message(2))]) {
    expect(fates(await pipelined)).toEqual(["failed connection ESMTP_CLOSED"]);
  }
  expect(await pool.flush()).toMatchObject({ messages: 2, failed: 2 });
  pool.destroy();
  expect(log).toEqual([]);
});
