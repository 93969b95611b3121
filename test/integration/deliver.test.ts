import { type Delivery, type Message, SmtpError, type SmtpSession } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { collect, startTestServer } from "../support/embedded-server.ts";

function message(n: number): Message<number> {
  return { from: "from@example.org", to: `to-${n}@example.net`, data: `N: ${n}\r\n`, tag: n };
}

function messages(count: number): Message<number>[] {
  return Array.from({ length: count }, (_, n) => message(n));
}

function tags(deliveries: readonly Delivery<number>[]): (number | undefined)[] {
  return deliveries.map(({ tag }) => tag);
}

describe("deliver", () => {
  test("takes iterables and async iterables", async () => {
    const server = await startTestServer();
    await using session = server.session();
    async function* source() {
      yield* messages(3);
    }
    const from = async (items: Parameters<typeof session.deliver<number>>[0]) =>
      tags(await collect(session.deliver(items)));

    expect(await from(messages(3))).toEqual([0, 1, 2]);
    expect(await from(new Set(messages(3)))).toEqual([0, 1, 2]);
    expect(await from(source())).toEqual([0, 1, 2]);
    expect(await from([])).toEqual([]);
    expect(server.arrivals.length).toBe(9);
  });

  test("keeps the pipeline full: one round trip per message", async () => {
    const server = await startTestServer();
    await using session = server.session();
    await session.connect();
    let groups = 0;
    session.on("groupEnd", () => {
      groups++;
    });
    await collect(session.deliver(messages(100)));
    expect(groups).toBe(101);
  });

  test("yields in order of completion", async () => {
    const server = await startTestServer();
    await using session = server.session();
    const source = messages(4).map((given) => (given.tag === 2 ? { ...given, to: "no address" } : given));
    expect(tags(await collect(session.deliver(source)))).toEqual([2, 0, 1, 3]);
  });

  test("settles and yields what was started if the source throws, then rethrows", async () => {
    const server = await startTestServer();
    await using session = server.session();
    const failure = new Error("the source is broken");
    let closed = false;
    async function* source() {
      try {
        yield* messages(3);
        throw failure;
      } finally {
        closed = true;
      }
    }
    const yielded: Delivery<number>[] = [];
    const run = async () => {
      for await (const delivery of session.deliver(source())) yielded.push(delivery);
    };
    await expect(run()).rejects.toBe(failure);

    expect(tags(yielded)).toEqual([0, 1, 2]);
    expect(yielded.every(({ ok }) => ok)).toBe(true);
    expect(closed).toBe(true);
    expect((await session.pipeline(message(9))).ok).toBe(true); // the session goes on
  });

  test("does the same if a message has the wrong shape, and closes the source", async () => {
    const server = await startTestServer();
    await using session = server.session();
    let closed = false;
    function* source() {
      try {
        yield message(0);
        yield { ...message(1), to: [] };
        yield message(2);
        yield* messages(100_000);
      } finally {
        closed = true;
      }
    }
    const yielded: Delivery<number>[] = [];
    const run = async () => {
      for await (const delivery of session.deliver(source())) yielded.push(delivery);
    };
    await expect(run()).rejects.toThrow(new TypeError("message.to has no recipient"));

    expect(closed).toBe(true);
    expect(tags(yielded)).toContain(0);
    expect(yielded.every(({ ok }) => ok)).toBe(true);
    expect(session.pending).toBe(0);
  });

  test("of something that is no iterable throws a TypeError", async () => {
    const server = await startTestServer();
    await using session = server.session();
    for (const wrong of [undefined, null, 5, {}, message(1)]) {
      expect(() => session.deliver(wrong as never)).toThrow(/^messages must be an iterable of messages/);
    }
  });

  test("on break pulls no more, aborts what was not begun, and waits for what is on the wire", async () => {
    const server = await startTestServer();
    await using session = server.session({ window: { messages: 10 } });
    let pulled = 0;
    let closed = false;
    function* source() {
      try {
        for (const next of messages(1_000)) {
          pulled++;
          yield next;
        }
      } finally {
        closed = true;
      }
    }
    const ended: Delivery[] = [];
    session.on("messageEnd", ({ delivery }) => ended.push(delivery));
    for await (const { ok } of session.deliver(source())) {
      expect(ok).toBe(true);
      break;
    }

    expect(closed).toBe(true);
    expect(session.pending).toBe(0); // everything is settled when the loop is left
    expect(pulled).toBeLessThanOrEqual(12);
    expect(ended.length).toBe(pulled);
    const sent = ended.filter(({ ok }) => ok);
    expect(sent.length).toBe(server.arrivals.length);
    expect(ended.filter(({ ok }) => !ok).flatMap(({ failed }) => failed)).toEqual(
      Array.from({ length: pulled - sent.length }, () => expect.objectContaining({ stage: "aborted" })),
    );
    expect((await session.pipeline(message(1))).ok).toBe(true);
  });

  test("on a signal does the same, yields what was pulled, and throws ESMTP_ABORTED", async () => {
    const server = await startTestServer();
    await using session = server.session({ window: { messages: 10 } });
    const abort = new AbortController();
    let pulled = 0;
    async function* source() {
      for (const next of messages(1_000)) {
        pulled++;
        yield next;
      }
    }
    const yielded: Delivery<number>[] = [];
    const run = async () => {
      for await (const delivery of session.deliver(source(), { signal: abort.signal })) {
        yielded.push(delivery);
        if (yielded.length === 5) abort.abort("enough");
      }
    };
    await expect(run()).rejects.toMatchObject({ name: "SmtpError", code: "ESMTP_ABORTED", cause: "enough" });

    expect(yielded.length).toBe(pulled);
    expect(yielded.filter(({ ok }) => ok).length).toBe(server.arrivals.length);
    expect(session.pending).toBe(0);
    expect((await session.pipeline(message(1))).ok).toBe(true);
  });

  test("with a signal that has fired pulls nothing", async () => {
    const server = await startTestServer();
    await using session = server.session();
    let pulled = 0;
    function* source() {
      for (const next of messages(3)) {
        pulled++;
        yield next;
      }
    }
    await expect(collect(session.deliver(source(), { signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: "ESMTP_ABORTED",
    });
    expect(pulled).toBe(0);
  });

  test.each(["a signal", "break"])("on %s does not wait for a source that itself waits", async (how) => {
    const server = await startTestServer();
    await using session = server.session();
    const abort = new AbortController();
    let told = 0;
    let pulled = 0;
    const source: AsyncIterable<Message<number>> = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          pulled++ === 0
            ? Promise.resolve({ done: false, value: message(0) })
            : new Promise<never>(() => undefined),
        return: () => {
          told++;
          return new Promise<never>(() => undefined);
        },
      }),
    };
    const yielded: Delivery<number>[] = [];
    const run = async () => {
      for await (const delivery of session.deliver(source, { signal: abort.signal })) {
        yielded.push(delivery);
        if (how === "break") break;
        abort.abort();
      }
    };
    if (how === "break") await run();
    else await expect(run()).rejects.toMatchObject({ code: "ESMTP_ABORTED" });
    expect(tags(yielded)).toEqual([0]);
    expect({ pulled, told, pending: session.pending }).toEqual({ pulled: 2, told: 1, pending: 0 });
  });

  test("on a closed session gives every message its delivery: failed, connection, retryable", async () => {
    const server = await startTestServer();
    const session = server.session();
    await session.quit();
    const deliveries = await collect(session.deliver(messages(3_000)));
    expect(deliveries.length).toBe(3_000);
    for (const { ok, failed } of deliveries) {
      expect(ok).toBe(false);
      expect(failed).toMatchObject([
        { stage: "connection", retryable: true, error: { code: "ESMTP_CLOSED" } },
      ]);
    }
  });

  test("goes on to the end if the session is destroyed on the way", async () => {
    const server = await startTestServer();
    const session = server.session({ window: { messages: 10 } });
    const deliveries: Delivery[] = [];
    for await (const delivery of session.deliver(messages(50))) {
      deliveries.push(delivery);
      if (deliveries.length === 5) session.destroy(new Error("enough"));
    }
    expect(deliveries.length).toBe(50);
    expect(deliveries.slice(0, 5).every(({ ok }) => ok)).toBe(true);
    expect(deliveries.at(-1)?.failed).toMatchObject([{ stage: "connection", retryable: true }]);
    expect(deliveries.map(({ error }) => error instanceof SmtpError || error === undefined)).not.toContain(
      false,
    );
  });

  test("interleaves with pipeline() and another deliver() on the same session", async () => {
    const server = await startTestServer();
    await using session = server.session({ window: { messages: 4 } });
    const run = async (each: SmtpSession) => collect(each.deliver(messages(50)));
    const [a, b, c] = await Promise.all([run(session), run(session), session.pipeline(message(7))]);
    expect([...a, ...b, c].every(({ ok }) => ok)).toBe(true);
    expect(server.arrivals.length).toBe(101);
  });
});
