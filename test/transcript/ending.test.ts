import { once } from "node:events";
import { type Duplex, PassThrough } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  BoundedPeerMemory,
  type ConnectTarget,
  type SessionState,
  SmtpError,
  SmtpSession,
} from "smtp-pipelining";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { BYE, conversation, fate, HELLO, hello, message } from "../support/scripted-peer.ts";

// How callers end a session: connect({signal}), destroy() before a connection stands, quit().

/** A session whose connection never comes to stand. */
function connecting(): SmtpSession {
  return new SmtpSession({
    connectSocket: () => new Promise(() => undefined),
    peers: new BoundedPeerMemory(),
  });
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("connect({ signal })", () => {
  test("that has fired", async () => {
    const session = connecting();
    const error = await rejection(session.connect({ signal: AbortSignal.abort(new Error("too late")) }));
    expect(error).toBeInstanceOf(SmtpError);
    expect(error).toMatchObject({ code: "ESMTP_ABORTED", retryable: true, cause: { message: "too late" } });
    expect(session.state).toBe("closed");
  });

  test("that fires while the connection is made: what is queued failed, aborted", async () => {
    const session = connecting();
    const controller = new AbortController();
    const reasons: string[] = [];
    session.on("close", ({ reason }) => reasons.push(reason));
    const connected = rejection(session.connect({ signal: controller.signal }));
    const sent = session.pipeline(message(1));
    controller.abort();
    expect(await connected).toMatchObject({ code: "ESMTP_ABORTED" });
    expect((await sent).recipients.map(fate)).toEqual(["b1 failed aborted ESMTP_ABORTED retryable"]);
    expect(reasons).toEqual(["aborted"]);
  });

  test("that fires in the greeting: the connection is dropped", async () => {
    const controller = new AbortController();
    let error: unknown;
    const { reason } = await conversation(
      [],
      `
      S: 220 peer.example
      C: EHLO client.example
      -- abort
      `,
      {
        actions: { abort: () => controller.abort() },
        run: async ({ session }) => {
          error = await rejection(session.connect({ signal: controller.signal }));
        },
      },
    );
    expect(error).toMatchObject({ code: "ESMTP_ABORTED" });
    expect(reason).toBe("aborted");
  });

  test("that has fired before it is asked of a ready session: rejects, and the session goes on", async () => {
    const { reason, fates } = await conversation(
      [],
      `
      ${hello()}
      C: MAIL FROM:<a1@example.org>
      S: 550 no
      ${BYE}
      `,
      {
        run: async ({ session, send }) => {
          await session.connect();
          const error = await rejection(session.connect({ signal: AbortSignal.abort("too late") }));
          expect(error).toMatchObject({ code: "ESMTP_ABORTED", retryable: true, cause: "too late" });
          expect(session.state).toBe("ready");
          await send(message(1));
        },
      },
    );
    expect([reason, fates]).toEqual(["quit", ["b1 failed mail 550"]]);
  });

  test("that fires once the session is ready: no effect", async () => {
    const controller = new AbortController();
    const { reason } = await conversation([], `${HELLO}${BYE}`, {
      run: async ({ session }) => {
        await session.connect({ signal: controller.signal });
        controller.abort();
        expect(session.state).toBe("ready");
      },
    });
    expect(reason).toBe("quit");
  });
});

test("the session's signal has fired before anything: what is queued failed, aborted", async () => {
  const signal = AbortSignal.abort(new Error("too late"));
  const connectSocket = () => new Promise<Duplex>(() => undefined);
  const session = new SmtpSession({ connectSocket, signal, peers: new BoundedPeerMemory() });
  const { recipients, error } = await session.pipeline(message(1));
  expect(recipients.map(fate)).toEqual(["b1 failed aborted ESMTP_ABORTED retryable"]);
  expect(error?.cause).toMatchObject({ message: "too late" });
  expect(session.state).toBe("closed");
});

test("a connection that comes too late is closed, and its signal has told so", async () => {
  const late = new PassThrough();
  const signals: AbortSignal[] = [];
  let come: (socket: Duplex) => void = () => undefined;
  const connectSocket = ({ signal }: ConnectTarget) => {
    signals.push(signal);
    return new Promise<Duplex>((resolve) => {
      come = resolve;
    });
  };
  const session = new SmtpSession({ connectSocket, peers: new BoundedPeerMemory() });
  const connected = rejection(session.connect());
  session.destroy();
  expect(await connected).toMatchObject({ code: "ESMTP_DESTROYED" });
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  const closed = once(late, "close");
  come(late);
  await closed;
});

test("a connectSocket that ignores its signal keeps no timer once the session is destroyed", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const session = connecting();
  const connected = rejection(session.connect());
  expect(vi.getTimerCount()).toBe(1);
  session.destroy();
  expect(await connected).toMatchObject({ code: "ESMTP_DESTROYED" });
  await nextTurn();
  expect(vi.getTimerCount()).toBe(0);
});

test("a connectSocket that destroys the session itself", async () => {
  const connectSocket = () => {
    session.destroy();
    return new Promise<Duplex>(() => undefined);
  };
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const session: SmtpSession = new SmtpSession({ connectSocket, peers: new BoundedPeerMemory() });
  const { recipients } = await session.pipeline(message(1));
  expect(recipients.map(fate)).toEqual(["b1 failed aborted ESMTP_DESTROYED retryable"]);
  await nextTurn();
  expect(vi.getTimerCount()).toBe(0);
});

describe("destroy()", () => {
  test("before anybody connected: the session is closed, and stays so", async () => {
    const session = connecting();
    const reasons: string[] = [];
    session.on("close", ({ reason }) => reasons.push(reason));
    session.destroy();
    session.destroy();
    expect(session.state).toBe("closed");
    expect((await session.pipeline(message(1))).recipients.map(fate)).toEqual([
      "b1 failed connection ESMTP_DESTROYED retryable",
    ]);
    expect(await rejection(session.connect())).toMatchObject({ code: "ESMTP_DESTROYED" });
    expect(await rejection(session.noop())).toMatchObject({ code: "ESMTP_CLOSED" });
    await session.quit();
    expect(reasons).toEqual(["aborted"]);
  });

  test("while the connection is made: what is queued failed, aborted", async () => {
    const session = connecting();
    const sent = session.pipeline(message(1));
    session.destroy(new Error("enough"));
    const { recipients, error } = await sent;
    expect(recipients.map(fate)).toEqual(["b1 failed aborted ESMTP_DESTROYED retryable"]);
    expect(error).toMatchObject({ message: "enough", cause: { message: "enough" } });
  });

  test("an ordinary command in its turn is rejected, one that waits too", async () => {
    const errors: Promise<unknown>[] = [];
    await conversation(
      [],
      `
      ${HELLO}
      C: NOOP
      -- destroy
      `,
      {
        actions: { destroy: ({ session }) => session.destroy() },
        run: async ({ session }) => {
          errors.push(rejection(session.noop()), rejection(session.help()));
          await Promise.all(errors);
        },
      },
    );
    expect(await Promise.all(errors)).toMatchObject([
      { code: "ESMTP_DESTROYED" },
      { code: "ESMTP_DESTROYED" },
    ]);
  });

  test("while QUIT is unanswered: closes, what was settled stays", async () => {
    const { fates, reason } = await conversation(
      [message(1, { from: "" })],
      `
      ${hello()}
      C: MAIL FROM:<>
      S: 550 no bounces
      C: QUIT
      -- destroy
      `,
      { actions: { destroy: ({ session }) => session.destroy() } },
    );
    expect(fates).toEqual(["b1 failed mail 550"]);
    expect(reason).toBe("aborted");
  });
});

test("destroy() while the server's end is waited for, after QUIT was answered: closes at once", async () => {
  const states: SessionState[] = [];
  const { reason, error } = await conversation([], `${HELLO}${BYE}\n-- destroy`, {
    run: ({ session }) => session.connect(),
    actions: {
      destroy: ({ session }) => {
        states.push(session.state);
        session.destroy(new Error("enough"));
        states.push(session.state);
      },
    },
  });
  expect(states).toEqual(["closing", "closed"]);
  expect([reason, error]).toEqual(["quit", undefined]);
});

describe("quit()", () => {
  test("settles everything queued before, then says QUIT", async () => {
    const states: SessionState[] = [];
    const { fates, reason } = await conversation(
      [],
      `
      ${hello()}
      C: MAIL FROM:<a1@example.org>
      S: 550 no
      C: NOOP
      S: 250 ok
      C: MAIL FROM:<a2@example.org>
      S: 451 later
      ${BYE}
      `,
      {
        run: async ({ send, session }) => {
          const sent = send(message(1));
          const noop = session.noop();
          const sentToo = send(message(2));
          const quit = session.quit();
          const late = send(message(3));
          states.push(session.state);
          const lateCommand = rejection(session.noop());
          await Promise.all([sent, sentToo, late, quit, session.quit()]);
          states.push(session.state);
          expect((await noop).code).toBe(250);
          expect(await lateCommand).toMatchObject({ code: "ESMTP_CLOSED" });
        },
      },
    );
    expect(fates).toEqual([
      "b1 failed mail 550",
      "b2 failed mail 451 retryable",
      "b3 failed connection ESMTP_CLOSED retryable",
    ]);
    expect(states).toEqual(["closing", "closed"]);
    expect(reason).toBe("quit");
  });

  test("while connecting: says QUIT once it is connected", async () => {
    const { reason, log } = await conversation([], `${HELLO}${BYE}`, {
      run: async ({ session }) => {
        const connected = session.connect();
        await Promise.all([session.quit(), rejection(connected)]);
      },
    });
    expect(reason).toBe("quit");
    expect(log.of("sent").map(({ line }) => line)).toEqual(["EHLO client.example", "QUIT"]);
  });

  test("before anybody connected: connects to nobody", async () => {
    const session = connecting();
    const reasons: string[] = [];
    session.on("close", ({ reason }) => reasons.push(reason));
    await Promise.all([session.quit(), session.quit()]);
    await session.quit();
    expect(reasons).toEqual(["quit"]);
    expect(await rejection(session.connect())).toMatchObject({ code: "ESMTP_CLOSED" });
  });

  test.each([
    ["a refusal", "S: 500 what?"],
    ["421", "S: 421 bye"],
    ["the end of the connection", "-- close"],
    ["a reset connection", "-- reset"],
  ])("QUIT answered with %s: closed all the same", async (_, answer) => {
    const { reason, error } = await conversation([], `${HELLO}\nC: QUIT\n${answer}`, {
      run: ({ session }) => session.connect(),
    });
    expect([reason, error]).toEqual(["quit", undefined]);
  });
});
