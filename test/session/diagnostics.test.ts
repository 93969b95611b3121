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
import { expect, onTestFinished, test } from "vitest";
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
