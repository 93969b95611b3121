import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import type { Message, SessionEventName, WarningEvent } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { startTestServer } from "../support/embedded-server.ts";

function message(n: number): Message<number> {
  return { from: "from@example.org", to: `to-${n}@example.net`, data: `N: ${n}\r\n`, tag: n };
}

const EVENTS: Record<SessionEventName, true> = {
  connecting: true,
  connect: true,
  ready: true,
  messageQueued: true,
  messageStart: true,
  sent: true,
  reply: true,
  recipientAccepted: true,
  recipientSucceeded: true,
  recipientFailed: true,
  recipientUnknown: true,
  messageEnd: true,
  groupStart: true,
  groupEnd: true,
  drain: true,
  warning: true,
  error: true,
  close: true,
};
const EVENT_NAMES = Object.keys(EVENTS) as SessionEventName[];

describe("the window", () => {
  test("ready() waits until there is room, and drain tells of it", async () => {
    const server = await startTestServer();
    await using session = server.session({ window: { messages: 2 } });
    await session.ready(); // there is room
    const log: string[] = [];
    session.on("drain", () => log.push(`drain, ${session.pending} pending`));

    const first = session.pipeline(message(1)).then(() => log.push("first is settled"));
    await session.ready();
    const second = session.pipeline(message(2));
    const ready = session.ready().then(() => log.push(`ready, ${session.pending} pending`));
    expect(session.pending).toBe(2);
    await Promise.all([first, second, ready]);

    expect(log).toEqual(["drain, 1 pending", "first is settled", "ready, 1 pending"]);
    const all = Array.from({ length: 20 }, async (_, n) => {
      await session.ready();
      return session.pipeline(message(n));
    });
    expect((await Promise.all(all)).every(({ ok }) => ok)).toBe(true);
  });

  test("is bounded in octets too, and a larger text goes alone", async () => {
    const server = await startTestServer();
    await using session = server.session({ window: { bytes: 1_000 } });
    const large = session.pipeline({ ...message(1), data: "x".repeat(5_000) });
    let waits = true;
    const ready = session.ready().then(() => {
      waits = false;
    });
    expect(waits).toBe(true);
    expect((await large).ok).toBe(true);
    await ready;
  });

  test("ready() can be aborted", async () => {
    const server = await startTestServer();
    await using session = server.session({ window: { messages: 1 } });
    const pending = session.pipeline(message(1));
    await expect(session.ready({ signal: AbortSignal.abort("enough") })).rejects.toMatchObject({
      name: "SmtpError",
      code: "ESMTP_ABORTED",
      cause: "enough",
    });
    expect((await pending).ok).toBe(true);
  });

  test("ready() of a closed session does not wait", async () => {
    const server = await startTestServer();
    const session = server.session({ window: { messages: 1 } });
    await session.connect();
    const pending = session.pipeline(message(1));
    const ready = session.ready();
    session.destroy();
    await ready;
    expect((await pending).ok).toBe(false);
  });
});

describe("flush", () => {
  test("counts what was queued since the previous call, and waits for nothing queued after it", async () => {
    const server = await startTestServer({
      refusal: (address) => (address.startsWith("no") ? { code: 550, text: "no" } : undefined),
    });
    await using session = server.session();
    expect(await session.flush()).toEqual({ ok: true, messages: 0, succeeded: 0, failed: 0, unknown: 0 });

    const settled: number[] = [];
    const send = (n: number, ...to: string[]): void => {
      void session.pipeline({ ...message(n), to }).then(({ tag }) => settled.push(tag ?? -1));
    };
    send(1, "a@example.net", "no-1@example.net");
    send(2, "b@example.net", "c@example.net");
    const first = session.flush();
    send(3, "d@example.net");
    const second = session.flush();
    const third = session.flush();

    expect(await first).toEqual({ ok: false, messages: 2, succeeded: 3, failed: 1, unknown: 0 });
    expect(settled).toEqual([1, 2]);
    expect(await second).toEqual({ ok: true, messages: 1, succeeded: 1, failed: 0, unknown: 0 });
    expect(await third).toEqual({ ok: true, messages: 0, succeeded: 0, failed: 0, unknown: 0 });
  });

  test("fulfils when the session is destroyed", async () => {
    const server = await startTestServer();
    const session = server.session();
    await session.connect();
    void session.pipeline(message(1));
    const flushed = session.flush();
    session.destroy();
    expect(await flushed).toEqual({ ok: false, messages: 1, succeeded: 0, failed: 1, unknown: 0 });
  });
});

describe("listeners", () => {
  test("that throw or reject change nothing on the wire: each becomes a warning", async () => {
    const conversation = async (disturb: boolean): Promise<{ wire: string; warnings: WarningEvent[] }> => {
      const server = await startTestServer({
        refusal: (address) => (address.startsWith("to-3") ? { code: 550, text: "no" } : undefined),
      });
      const session = server.session({ window: { messages: 4 } });
      const warnings: WarningEvent[] = [];
      if (disturb) {
        for (const name of EVENT_NAMES) {
          session.on(name, () => {
            throw new Error(`${name} throws`);
          });
          session.on(name, () => Promise.reject(new Error(`${name} rejects`)));
        }
      }
      session.on("warning", (warning) => warnings.push(warning));
      const deliveries = Array.from({ length: 10 }, (_, n) => session.pipeline(message(n)));
      expect((await Promise.all(deliveries)).filter(({ ok }) => ok).length).toBe(9);
      await session.quit();
      return { wire: server.received(), warnings };
    };

    const calm = await conversation(false);
    const disturbed = await conversation(true);
    expect(disturbed.wire).toBe(calm.wire);
    expect(calm.warnings).toEqual([]);
    expect(new Set(disturbed.warnings.map(({ code }) => code))).toEqual(new Set(["ESMTP_LISTENER_FAILED"]));
    const causes = new Set(
      disturbed.warnings.map(({ cause }) => (cause instanceof Error ? cause.message : "")),
    );
    // What fails on a warning, and what nobody can be told of any more.
    const untold = ["warning", "close", "error", "recipientUnknown"];
    for (const name of EVENT_NAMES.filter((event) => !untold.includes(event))) {
      expect(causes).toContain(`${name} throws`);
      expect(causes).toContain(`${name} rejects`);
    }
    expect(causes).not.toContain("warning throws");
  });

  test("may throw anything, also what can't become a string", async () => {
    const server = await startTestServer();
    await using session = server.session();
    const things: unknown[] = [Object.create(null), undefined, null, Symbol("thing"), { toString: 5 }];
    const warnings: WarningEvent[] = [];
    for (const thing of things) {
      session.on("messageStart", () => {
        throw thing;
      });
      session.on("messageEnd", () => Promise.reject(thing));
      session.on("recipientSucceeded", () => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise
        then: (_: unknown, reject: (cause: unknown) => void) => reject(thing),
      }));
    }
    session.on("warning", (warning) => warnings.push(warning));
    expect((await session.pipeline(message(1))).ok).toBe(true);
    await session.noop(); // what rejected is told by then
    expect(warnings.map(({ code }) => code)).toEqual(Array(15).fill("ESMTP_LISTENER_FAILED"));
    for (const thing of things) expect(warnings.filter(({ cause }) => cause === thing).length).toBe(3);
  });

  test("may call any method: what they queue is sent", async () => {
    const server = await startTestServer();
    const session = server.session();
    let n = 1;
    session.on("messageEnd", () => {
      if (n < 5) void session.pipeline(message(++n));
      else void session.quit();
    });
    const closed = once(session as unknown as NodeJS.EventEmitter, "close");
    expect((await session.pipeline(message(1))).ok).toBe(true);
    await closed;
    expect(server.arrivals.map(({ text }) => text.toString())).toEqual(
      [1, 2, 3, 4, 5].map((i) => `N: ${i}\r\n`),
    );
  });

  test("destroy() in a listener of any event settles everything, and close comes last", async () => {
    const before = EVENT_NAMES.filter(
      (name) => !["recipientUnknown", "drain", "warning", "error", "close"].includes(name),
    );
    for (const name of before) {
      const server = await startTestServer({
        refusal: (address) => (address.startsWith("to-2") ? { code: 550, text: "no" } : undefined),
      });
      const session = server.session();
      const seen: string[] = [];
      for (const event of EVENT_NAMES) session.on(event, () => seen.push(event));
      session.once(name, () => session.destroy());
      const closed = once(session as unknown as NodeJS.EventEmitter, "close");
      const deliveries = await Promise.all([1, 2, 3].map((n) => session.pipeline(message(n))));
      await closed;
      expect(deliveries.flatMap(({ recipients }) => recipients).length, name).toBe(3);
      expect(seen.at(-1), name).toBe("close");
      expect(session.state, name).toBe("closed");
      expect(session.pending, name).toBe(0);
    }
  });

  test("of messageQueued run inside pipeline(), in the caller's async context", async () => {
    const server = await startTestServer();
    await using session = server.session();
    const context = new AsyncLocalStorage<string>();
    const seen: [string, string | undefined][] = [];
    session.on("messageQueued", ({ messageId }) => seen.push([messageId, context.getStore()]));
    const a = context.run("A", () => {
      const sent = session.pipeline({ ...message(1), id: "a" });
      expect(seen).toEqual([["a", "A"]]); // synchronously
      return sent;
    });
    const b = context.run("B", () => session.pipeline({ ...message(2), id: "b" }));
    await Promise.all([a, b]);
    await context.run("C", () => session.pipeline({ ...message(3), id: "c" }));
    expect(seen).toEqual([
      ["a", "A"],
      ["b", "B"],
      ["c", "C"],
    ]);
  });
});

describe("the end", () => {
  test("`await using` settles everything queued, says QUIT and closes", async () => {
    const server = await startTestServer();
    const reasons: string[] = [];
    const deliveries: Promise<{ ok: boolean }>[] = [];
    {
      await using session = server.session();
      session.on("close", ({ reason }) => reasons.push(reason));
      for (let n = 0; n < 5; n++) deliveries.push(session.pipeline(message(n)));
    }
    expect(reasons).toEqual(["quit"]);
    expect((await Promise.all(deliveries)).every(({ ok }) => ok)).toBe(true);
    expect(server.lines().at(-1)).toBe("QUIT");
  });

  test("quit() of a session that never connected connects to nobody", async () => {
    const server = await startTestServer();
    const session = server.session();
    await session.quit();
    await session.quit();
    expect(session.state).toBe("closed");
    expect(server.received()).toBe("");
  });

  test("a session goes on after idleness, and lastGroup is its latest group", async () => {
    const server = await startTestServer();
    await using session = server.session();
    expect(session.lastGroup).toBeUndefined();
    for (let n = 0; n < 3; n++) {
      const delivery = await session.pipeline(message(n));
      expect(delivery).toMatchObject({ ok: true, tag: n });
      const group = session.lastGroup;
      expect(group?.sent).toEqual(["."]);
      expect(group?.codes).toEqual([250]);
      expect(group?.messages.length).toBe(1);
      expect(group?.recipients.succeeded).toEqual([`to-${n}@example.net`]);
      expect(session.lastGroup).toBe(group);
    }
  });

  test("what is queued after quit() began fails, as a lost connection", async () => {
    const server = await startTestServer();
    const session = server.session();
    const early = session.pipeline(message(1));
    const quit = session.quit();
    const late = session.pipeline(message(2));
    await quit;
    expect((await early).ok).toBe(true);
    expect((await late).failed).toMatchObject([
      { stage: "connection", retryable: true, error: { code: "ESMTP_CLOSED" } },
    ]);
    expect(server.arrivals.length).toBe(1);
  });
});
