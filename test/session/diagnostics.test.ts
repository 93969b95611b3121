import { AsyncLocalStorage } from "node:async_hooks";
import { channel, tracingChannel } from "node:diagnostics_channel";
import {
  type ConnectTrace,
  type ErrorEvent,
  type GroupTrace,
  type MessageTrace,
  type RecipientTrace,
  SmtpSession,
} from "smtp-pipelining";
import { expect, onTestFinished, test, vi } from "vitest";
import { Group } from "../../src/pipeline/group.ts";
import { Diagnostics } from "../../src/session/diagnostics.ts";
import { startCountingServer } from "../support/scripted-peer/counting-server.ts";
import { BYE, conversation, HELLO, message } from "../support/scripted-peer.ts";

type Step = "start" | "end" | "asyncStart" | "asyncEnd" | "error";

/** What came over a tracing channel: which step, with which object. */
interface Heard<T> {
  readonly step: Step;
  readonly trace: T;
}

function subscribe<T extends object>(name: string): { readonly heard: Heard<T>[]; stop(): void } {
  const heard: Heard<T>[] = [];
  const hear = (step: Step) => (trace: unknown) => {
    heard.push({ step, trace: trace as T });
  };
  const subscribers = {
    start: hear("start"),
    end: hear("end"),
    asyncStart: hear("asyncStart"),
    asyncEnd: hear("asyncEnd"),
    error: hear("error"),
  };
  const traced = tracingChannel(`smtp-pipelining:${name}`);
  traced.subscribe(subscribers);
  let stopped = false;
  const stop = (): void => {
    if (!stopped) traced.unsubscribe(subscribers);
    stopped = true;
  };
  onTestFinished(stop);
  return { heard, stop };
}

function listen<T>(name: string): T[] {
  const heard: T[] = [];
  const hear = (payload: unknown): void => {
    heard.push(payload as T);
  };
  channel(`smtp-pipelining:${name}`).subscribe(hear);
  onTestFinished(() => {
    channel(`smtp-pipelining:${name}`).unsubscribe(hear);
  });
  return heard;
}

/** The steps by the object they came with, in the order in which the objects came. */
function stepsOf<T extends object>(heard: readonly Heard<T>[]): [trace: T, steps: string][] {
  const traces = [...new Set(heard.map(({ trace }) => trace))];
  return traces.map((each) => [
    each,
    heard
      .filter(({ trace }) => trace === each)
      .map(({ step }) => step)
      .join(" "),
  ]);
}

const WHOLE = "start end asyncStart asyncEnd";
const FAILED = "start end error asyncStart asyncEnd";

const SCRIPT = `${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<gone@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 no such user
    S: 354 go
    C: Text 1
    C: .
    S: 250 stored
    ${BYE}`;
const MESSAGE = message(1, { to: ["b1@example.net", "gone@example.net"] });

test("a conversation on all channels: each object is the same from its start to its end", async () => {
  const connect = subscribe<ConnectTrace>("connect");
  const group = subscribe<GroupTrace>("group");
  const sent = subscribe<MessageTrace>("message");
  const recipients = listen<RecipientTrace>("recipient");
  const errors = listen<ErrorEvent>("error");
  const { deliveries, log } = await conversation([MESSAGE], SCRIPT);

  expect(stepsOf(connect.heard)).toEqual([
    [expect.objectContaining({ host: "127.0.0.1", result: log.of("ready")[0] }), WHOLE],
  ]);
  const groups = stepsOf(group.heard);
  expect(groups.map(([, steps]) => steps)).toEqual(Array.from({ length: 5 }, () => WHOLE));
  expect(groups.map(([{ groupId, result }]) => [groupId, result?.sent])).toEqual([
    [1, [""]],
    [2, ["EHLO client.example"]],
    [3, ["MAIL FROM:<a1@example.org>", "RCPT TO:<b1@example.net>", "RCPT TO:<gone@example.net>", "DATA"]],
    [4, ["."]],
    [5, ["QUIT"]],
  ]);
  expect(stepsOf(sent.heard)).toEqual([
    [
      {
        sessionId: expect.any(String),
        messageId: "m1",
        messageSeq: 1,
        from: "a1@example.org",
        recipients: 2,
        size: "Text 1\r\n".length,
        result: deliveries[0],
      },
      WHOLE,
    ],
  ]);
  expect(sent.heard.at(-1)?.trace.result, "the very delivery").toBe(deliveries[0]);
  expect(recipients.map(({ address, status }) => `${address} ${status}`)).toEqual([
    "gone@example.net failed",
    "b1@example.net succeeded",
  ]);
  expect(errors).toEqual([]);
});

test("a lost connection is an error of the group, of the message and on the error channel", async () => {
  const group = subscribe<GroupTrace>("group");
  const sent = subscribe<MessageTrace>("message");
  const recipients = listen<RecipientTrace>("recipient");
  const errors = listen<ErrorEvent>("error");
  await conversation(
    [message(1)],
    `${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text 1
    C: .
    -- close`,
  );
  const [lost, steps] = stepsOf(group.heard).at(-1) ?? [];
  expect([lost?.error?.code, steps]).toEqual(["ESMTP_CONNECTION_LOST", FAILED]);
  expect(stepsOf(sent.heard).map(([{ error }, each]) => [error?.code, each])).toEqual([
    ["ESMTP_CONNECTION_LOST", FAILED],
  ]);
  expect(recipients.map(({ status }) => status)).toEqual(["unknown"]);
  expect(errors.map(({ error }) => error.code)).toEqual(["ESMTP_CONNECTION_LOST"]);
});

test("a connection that fails, and one that is destroyed before it stands", async () => {
  const connect = subscribe<ConnectTrace>("connect");
  const refused = new SmtpSession({
    host: "a.example",
    connectSocket: () => Promise.reject(new Error("no")),
  });
  await expect(refused.connect()).rejects.toThrow();
  const destroyed = new SmtpSession({ host: "b.example", connectSocket: () => new Promise(() => undefined) });
  const connecting = destroyed.connect();
  destroyed.destroy();
  await expect(connecting).rejects.toThrow();
  expect(
    stepsOf(connect.heard).map(([{ host, error, result }, steps]) => [host, error?.code, result, steps]),
  ).toEqual([
    ["a.example", "ESMTP_CONNECT", undefined, FAILED],
    ["b.example", undefined, undefined, WHOLE],
  ]);
});

test("start is published inside the caller's call, in its async context", async () => {
  const storage = new AsyncLocalStorage<string>();
  const contexts: string[] = [];
  for (const name of ["connect", "message"]) {
    const subscribers = {
      start: () => {
        contexts.push(`${name} ${storage.getStore()}`);
      },
    };
    const traced = tracingChannel(`smtp-pipelining:${name}`);
    traced.start.subscribe(subscribers.start);
    onTestFinished(() => {
      traced.start.unsubscribe(subscribers.start);
    });
  }
  const session = new SmtpSession({
    host: "a.example",
    connectSocket: () => Promise.reject(new Error("no")),
  });
  const sent = storage.run("the caller", () => session.pipeline(message(1)));
  expect(contexts).toEqual(["message the caller", "connect the caller"]);
  await sent;
});

test("who subscribes in mid-session hears no end without its start, who stops hears no end", async () => {
  const early = subscribe<MessageTrace>("message");
  let late: { readonly heard: Heard<GroupTrace>[] } | undefined;
  await conversation([MESSAGE], SCRIPT, {
    run: ({ session, send }) => {
      session.once("messageStart", () => {
        early.stop();
        late = subscribe<GroupTrace>("group");
      });
      return send(MESSAGE);
    },
  });
  expect(early.heard.map(({ step }) => step)).toEqual(["start", "end"]);
  const groups = stepsOf(late?.heard ?? []);
  expect(groups.map(([{ groupId }, steps]) => [groupId, steps])).toEqual([
    [3, WHOLE],
    [4, WHOLE],
    [5, WHOLE],
  ]);
});

/** A session that never connects. */
function waiting(): SmtpSession {
  return new SmtpSession({ host: "a.example", connectSocket: () => new Promise(() => undefined) });
}

test("a message that is over before it is told of has its end all the same", async () => {
  const sent = subscribe<MessageTrace>("message");
  const session = waiting();
  await session.pipeline(message(1, { to: "no address" }));
  await session.pipeline(message(2, { signal: AbortSignal.abort() }));
  const quit = session.connect().catch(() => session.quit());
  void session.quit();
  await session.pipeline(message(3));
  session.destroy();
  await quit;
  expect(
    stepsOf(sent.heard).map(([{ messageId, result, error }, steps]) => [
      messageId,
      result?.failed.map(({ stage }) => stage),
      error?.code,
      steps,
    ]),
  ).toEqual([
    ["m1", ["invalid"], undefined, WHOLE],
    ["m2", ["aborted"], "ESMTP_ABORTED", FAILED],
    ["m3", ["connection"], "ESMTP_CLOSED", FAILED],
  ]);
});

test("a group that a listener ends before its start was told has its end", async () => {
  const group = subscribe<GroupTrace>("group");
  const { port } = await startCountingServer("PIPELINING");
  const session = new SmtpSession({ host: "127.0.0.1", port });
  // By then the envelope is written, and its group is still to be told of.
  session.on("messageStart", () => session.destroy(new Error("enough")));
  await session.pipeline(message(1));
  expect(stepsOf(group.heard).map(([{ groupId, error }, steps]) => [groupId, error?.code, steps])).toEqual([
    [1, undefined, WHOLE],
    [2, undefined, WHOLE],
    [3, "ESMTP_DESTROYED", FAILED],
  ]);
});

test("a failure inside the very call that connects is the connection's", async () => {
  const connect = subscribe<ConnectTrace>("connect");
  const session = waiting();
  session.on("messageQueued", () => session.destroy(new Error("enough")));
  await session.pipeline(message(1));
  expect(stepsOf(connect.heard).map(([{ error }, steps]) => [error?.message, steps])).toEqual([
    ["enough", FAILED],
  ]);
});

test("who subscribes inside a listener hears nothing of the event that is being told", async () => {
  const session = waiting();
  let sent: { readonly heard: Heard<MessageTrace>[] } | undefined;
  session.once("messageQueued", () => {
    sent = subscribe<MessageTrace>("message");
  });
  await session.pipeline(message(1, { to: "no address" }));
  session.destroy();
  expect(sent?.heard).toEqual([]);
});

test("what began is kept no longer than until it ends, also when everybody unsubscribed meanwhile", async () => {
  const published = vi.spyOn(Diagnostics.prototype, "publish");
  onTestFinished(() => published.mockRestore());
  const subscribed = ["connect", "group", "message"].map((name) => subscribe(name));
  const { port } = await startCountingServer("PIPELINING");
  const session = new SmtpSession({ host: "127.0.0.1", port });
  session.once("ready", () => {
    for (const { stop } of subscribed) stop();
  });
  await Promise.all([session.pipeline(message(1)), session.pipeline(message(2))]);
  const diagnostics = published.mock.contexts[0] as Diagnostics;
  const ends = ["ready", "close", "groupEnd", "messageEnd"] as const;
  expect(ends.map((name) => diagnostics.wants(name))).toEqual([false, false, false, false]);
  expect(published.mock.calls.map(([name]) => name)).toEqual([
    ...["messageQueued", "connecting", "messageQueued"],
    ...["groupStart", "groupEnd", "groupStart", "ready", "groupEnd"],
    ...["messageEnd", "messageEnd"],
  ]);
  await session.quit();
});

test("without subscribers and listeners nothing is built", async () => {
  const built = vi.spyOn(Group.prototype, "toCommandGroup");
  const published = vi.spyOn(Diagnostics.prototype, "publish");
  onTestFinished(() => {
    built.mockRestore();
    published.mockRestore();
  });
  const { port } = await startCountingServer("PIPELINING");
  const converse = async (): Promise<[groups: number, published: number]> => {
    built.mockClear();
    published.mockClear();
    const session = new SmtpSession({ host: "127.0.0.1", port });
    await session.pipeline(message(1));
    await session.quit();
    return [built.mock.calls.length, published.mock.calls.length];
  };
  expect(await converse()).toEqual([0, 0]);
  subscribe<GroupTrace>("group");
  expect(await converse(), "five groups, with a start and an end each").toEqual([5, 10]);
});
