import { context, SpanKind, trace } from "@opentelemetry/api";
import { AlwaysOffSampler, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { EventEmitter } from "eventemitter3";
import * as prometheus from "prom-client";
import { type CommandGroup, type Message, type SessionEvents, SmtpSession } from "smtp-pipelining";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachTracing, type TracingOptions } from "smtp-pipelining/tracing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spanOfMessage } from "../../src/observability/spans.ts";
import { BYE, type ConversationOptions, conversation, HELLO, message } from "../support/scripted-peer.ts";
import { enableContexts, RecordedSpans, shapes } from "../support/spans.ts";

beforeAll(enableContexts);
afterAll(() => context.disable());

/** Holds a conversation inside a span of the application's, and returns what was recorded. */
async function traced(
  messages: readonly Message[],
  script: string,
  { run, tracing, ...more }: ConversationOptions & { tracing?: TracingOptions } = {},
): Promise<RecordedSpans> {
  const spans = new RecordedSpans();
  const application = spans.within("batch");
  await conversation(messages, script, {
    ...more,
    run: (caller) => {
      attachTracing(caller.session, { tracerProvider: spans.provider, ...tracing });
      return context.with(application.context, () =>
        run === undefined ? Promise.all(messages.map((each) => caller.send(each))) : run(caller),
      );
    },
  });
  application.end();
  expect(spans.complaints).toEqual([]);
  expect(spans.ended.length, "every span ends").toBe(spans.started.length);
  return spans;
}

function only(spans: readonly ReadableSpan[]): ReadableSpan {
  expect(spans.length).toBe(1);
  return spans[0] as ReadableSpan;
}

/** Milliseconds since the epoch. */
function at([seconds, nanoseconds]: [number, number]): number {
  return seconds * 1_000 + nanoseconds / 1e6;
}

const PARTIAL = `${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: RCPT TO:<gone@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 5.1.1 no such user
    S: 354 go
    C: Text 1
    C: .
    C: RSET
    C: MAIL FROM:<a2@example.org>
    C: RCPT TO:<b2@example.net>
    C: DATA
    S: 250 2.0.0 stored
    S: 250 flushed
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text 2
    C: .
    S: 250 stored
    ${BYE}`;

const PARTIAL_MESSAGES = [message(1, { to: ["b1@example.net", "gone@example.net"] }), message(2)];

describe("the tree of spans", () => {
  test("of a batch with a partial refusal", async () => {
    const spans = await traced(PARTIAL_MESSAGES, PARTIAL);
    expect(shapes(spans.ended).toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: "EHLO", parent: "smtp connect", links: [], status: "unset", error: undefined },
      {
        name: "PIPELINE MAIL RCPT DATA",
        parent: "send 1",
        links: ["send 1 1 start"],
        status: "unset",
        error: undefined,
      },
      {
        name: "PIPELINE text RSET MAIL RCPT DATA",
        parent: "send 2",
        links: ["send 1 1 end", "send 2 2 start"],
        status: "unset",
        error: undefined,
      },
      { name: "QUIT", parent: undefined, links: [], status: "unset", error: undefined },
      { name: "batch", parent: undefined, links: [], status: "unset", error: undefined },
      { name: "greeting", parent: "smtp connect", links: [], status: "unset", error: undefined },
      { name: "send 1", parent: "batch", links: [], status: "unset", error: undefined },
      { name: "send 2", parent: "batch", links: [], status: "unset", error: undefined },
      { name: "smtp connect", parent: "batch", links: [], status: "unset", error: undefined },
      { name: "text", parent: "send 2", links: ["send 2 2 end"], status: "unset", error: undefined },
    ]);
    expect(spans.ended.filter(({ kind }) => kind !== SpanKind.CLIENT).map(({ name }) => name)).toEqual([
      "batch",
    ]);
  });

  test("with its attributes", async () => {
    const spans = await traced(PARTIAL_MESSAGES, PARTIAL);
    const common = {
      "server.address": "127.0.0.1",
      "server.port": expect.any(Number),
      "network.peer.address": "127.0.0.1",
      "network.peer.port": expect.any(Number),
      "network.protocol.name": "smtp",
      "smtp.session.id": expect.stringMatching(/^[0-9a-f]{12}$/),
    };
    expect(only(spans.named("smtp connect")).attributes).toEqual(common);
    const [first] = spans.named("smtp send");
    expect(first?.attributes).toEqual({
      ...common,
      "messaging.system": "smtp",
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
      "messaging.message.id": "m1",
      "smtp.message.seq": 1,
      "smtp.message.size": "Text 1\r\n.\r\n".length,
      "smtp.message.wait_ms": expect.any(Number),
      "smtp.recipients.count": 2,
      "smtp.recipients.accepted": 1,
      "smtp.recipients.succeeded": 1,
      "smtp.recipients.failed": 1,
      "smtp.recipients.unknown": 0,
      "smtp.response.status_code": 250,
      "smtp.response.enhanced_status_code": "2.0.0",
    });
    expect(first?.events.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
      {
        name: "smtp.recipient.failed",
        attributes: {
          "smtp.recipient.stage": "rcpt",
          "smtp.recipient.retryable": false,
          "smtp.response.status_code": 550,
          "smtp.response.enhanced_status_code": "5.1.1",
        },
      },
    ]);
    expect(only(spans.named("PIPELINE text RSET MAIL RCPT DATA")).attributes).toEqual({
      ...common,
      "smtp.group.id": 4,
      "smtp.group.commands": 5,
      "smtp.group.batch_size": 2,
      "smtp.group.replies": 5,
      "smtp.group.first_reply_ms": expect.any(Number),
      "smtp.group.bytes_sent":
        "Text 1\r\n.\r\nRSET\r\nMAIL FROM:<a2@example.org>\r\nRCPT TO:<b2@example.net>\r\nDATA\r\n".length,
    });
  });

  test("with the times of the events, not of the listeners", async () => {
    const groups: { id: number; from: number; to: number }[] = [];
    const messages: { from: number; to: number }[] = [];
    const spans = await traced(PARTIAL_MESSAGES, PARTIAL, {
      run: ({ session, send }) => {
        session.on("groupEnd", ({ group: { id, startedAt, durationMs } }) => {
          groups.push({ id, from: startedAt, to: startedAt + durationMs });
        });
        session.on("messageQueued", ({ time, messageSeq }) => {
          messages[messageSeq - 1] = { from: time, to: 0 };
        });
        session.on("messageEnd", ({ time, messageSeq }) => {
          (messages[messageSeq - 1] as { to: number }).to = time;
        });
        return Promise.all(PARTIAL_MESSAGES.map(send));
      },
    });
    for (const { id, from, to } of groups) {
      const span = only(spans.ended.filter(({ attributes }) => attributes["smtp.group.id"] === id));
      expect(at(span.startTime)).toBeCloseTo(from, 2);
      expect(at(span.endTime)).toBeCloseTo(to, 2);
    }
    expect(groups.length).toBe(6);
    for (const [i, { from, to }] of messages.entries()) {
      const span = only(
        spans.ended.filter(({ attributes }) => attributes["messaging.message.id"] === `m${i + 1}`),
      );
      expect(at(span.startTime)).toBeCloseTo(from, 2);
      expect(at(span.endTime)).toBeCloseTo(to, 2);
    }
  });

  test("of a connection that is lost behind a text", async () => {
    const spans = await traced(
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
    expect(shapes(spans.ended).filter(({ status }) => status === "error")).toEqual([
      { name: "send 1", parent: "batch", links: [], status: "error", error: "ESMTP_CONNECTION_LOST" },
      {
        name: "text",
        parent: "send 1",
        links: ["send 1 1 end"],
        status: "error",
        error: "ESMTP_CONNECTION_LOST",
      },
    ]);
    const [send] = spans.named("smtp send");
    expect(send?.status.message).toBe("The connection was lost");
    expect(send?.attributes["smtp.recipients.unknown"]).toBe(1);
  });

  test("of a server that is probed with another EHLO, which is none of the handshake's", async () => {
    const spans = await traced(
      [message(1), message(2)],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      C: RSET
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 stored
      C: EHLO client.example
      S: 250-peer.example
      S: 250 PIPELINING
      C: MAIL FROM:<a2@example.org>
      C: RCPT TO:<b2@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 2
      C: .
      S: 250 stored
      ${BYE}`,
      { session: { timeouts: { followOn: 30 } } },
    );
    const parents = shapes(spans.ended).filter(({ name }) => name === "EHLO");
    expect(parents.map(({ parent }) => parent)).toEqual(["smtp connect", undefined]);
  });

  test("of a text that is cut off: the group that the session failed under", async () => {
    const data = async function* (): AsyncGenerator<string, void, undefined> {
      yield "Some text\r\n".repeat(20_000);
      throw new Error("the disk is gone");
    };
    const spans = await traced(
      [message(1, { data })],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      -- text, not ended`,
    );
    expect(shapes(spans.ended).filter(({ name }) => name === "text")).toEqual([
      {
        name: "text",
        parent: "send 1",
        links: ["send 1 1 end"],
        status: "error",
        error: "ESMTP_SOURCE_FAILED",
      },
    ]);
  });

  test("of a message that is aborted while another goes out", async () => {
    const abort = new AbortController();
    const spans = await traced(
      [message(1), message(2, { signal: abort.signal })],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      -- abort
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: Text 1
      C: .
      S: 250 ok
      ${BYE}`,
      { actions: { abort: () => abort.abort() } },
    );
    const sends = shapes(spans.ended).filter(({ name }) => name.startsWith("send"));
    expect(sends).toEqual([
      { name: "send 2", parent: "batch", links: [], status: "error", error: "ESMTP_ABORTED" },
      { name: "send 1", parent: "batch", links: [], status: "unset", error: undefined },
    ]);
  });

  test("of a session that is destroyed in mid-envelope", async () => {
    const spans = await traced(
      [message(1)],
      `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      -- destroy
      -- client closes`,
      { actions: { destroy: ({ session }) => session.destroy() } },
    );
    expect(shapes(spans.ended).filter(({ status }) => status === "error")).toEqual([
      { name: "send 1", parent: "batch", links: [], status: "error", error: "ESMTP_DESTROYED" },
      {
        name: "PIPELINE MAIL RCPT DATA",
        parent: "send 1",
        links: ["send 1 1 start"],
        status: "error",
        error: "ESMTP_DESTROYED",
      },
    ]);
  });

  test("of a greeting that refuses", async () => {
    const spans = await traced([message(1)], "S: 554 5.3.2 b1@example.net is not welcome\n-- close");
    const connect = only(spans.named("smtp connect"));
    expect(connect.attributes["error.type"]).toBe("554");
    expect(connect.status.message).toBe("The server's greeting was a refusal");
    expect(shapes(spans.ended).find(({ name }) => name === "greeting")).toEqual({
      name: "greeting",
      parent: "smtp connect",
      links: [],
      status: "error",
      error: "554",
    });
  });

  test("of a session whose server never answers the connection", async () => {
    const spans = new RecordedSpans();
    const session = new SmtpSession({
      host: "peer.example",
      connectSocket: () => new Promise(() => undefined),
    });
    attachTracing(session, { tracerProvider: spans.provider });
    const delivery = session.pipeline(message(1));
    session.destroy();
    await delivery;
    expect(shapes(spans.ended)).toEqual([
      { name: "send 1", parent: undefined, links: [], status: "error", error: "ESMTP_DESTROYED" },
      { name: "smtp connect", parent: undefined, links: [], status: "error", error: "ESMTP_DESTROYED" },
    ]);
    expect(only(spans.named("smtp connect")).attributes["server.address"]).toBe("peer.example");
  });
});

describe("the status", () => {
  const refused = (rcpt: string, data: string): string => `${HELLO}
      C: MAIL FROM:<a1@example.org>
      C: RCPT TO:<b1@example.net>
      C: DATA
      S: 250 ok
      S: ${rcpt}
      S: ${data}`;

  test("of a group is an error if every RCPT is refused, and says nothing of what the server said", async () => {
    const spans = await traced([message(1)], `${refused("550 b1@example.net is unknown", "503 no")}\n${BYE}`);
    const group = only(spans.named("PIPELINE MAIL RCPT DATA"));
    expect(group.attributes["error.type"]).toBe("550");
    expect(group.status.message).toBe("RCPT was answered 550");
    const [send] = spans.named("smtp send");
    expect(send?.attributes["error.type"]).toBe("550");
  });

  test("of a group is an error if another command is refused", async () => {
    const spans = await traced([message(1)], `${refused("250 ok", "451 later")}\n${BYE}`);
    expect(only(spans.named("PIPELINE MAIL RCPT DATA")).attributes["error.type"]).toBe("451");
    expect(only(spans.named("smtp send")).attributes).toMatchObject({
      "error.type": "451",
      "smtp.response.status_code": 451,
      "smtp.recipients.accepted": 1,
    });
  });
});

describe("addresses", () => {
  test("are in no span by default, and with recordRecipients in those of messages", async () => {
    const plain = await traced(PARTIAL_MESSAGES, PARTIAL);
    expect(everything(plain.ended)).not.toContain("@");
    const recorded = await traced(PARTIAL_MESSAGES, PARTIAL, { tracing: { recordRecipients: true } });
    const [first] = recorded.named("smtp send");
    expect(first?.attributes["smtp.recipients.addresses"]).toEqual(["b1@example.net", "gone@example.net"]);
    expect(first?.events[0]?.attributes?.["smtp.recipient.address"]).toBe("gone@example.net");
    expect(everything(recorded.ended)).not.toContain("a1@example.org");
  });

  test("are events of at most 32 failed recipients; how many more failed is said", async () => {
    const spans = new RecordedSpans();
    const session = new SmtpSession({ host: "peer.example" });
    attachTracing(session, { tracerProvider: spans.provider });
    const to = Array.from({ length: 40 }, (_, i) => `not an address ${i}`);
    await session.pipeline(message(1, { to }));
    const [send] = spans.named("smtp send");
    expect(send?.events.length).toBe(32);
    expect(send?.attributes).toMatchObject({
      "smtp.recipients.failed": 40,
      "smtp.recipients.events_dropped": 8,
      "error.type": "ESMTP_INVALID_ADDRESS",
    });
    expect(everything(spans.ended)).not.toContain("not an address");
  });
});

test("a group that carries hundreds of messages is one span with 32 links, and says how many more there are", () => {
  const spans = new RecordedSpans();
  const target = Object.assign(new EventEmitter<SessionEvents>(), { sessions: [] });
  const detach = attachTracing(target, { tracerProvider: spans.provider });
  const seqs = Array.from({ length: 300 }, (_, i) => i + 1);
  const common = { sessionId: "s", time: 1_700_000_000_000 };
  for (const messageSeq of seqs) {
    const facts = { messageId: `m${messageSeq}`, messageSeq, from: "a@example.org", recipients: 1 };
    target.emit("messageQueued", { ...common, ...facts });
  }
  target.emit("groupStart", { ...common, groupId: 1 });
  const reply = { code: 250, lines: ["ok"], text: "ok" };
  const exchanges = seqs.flatMap((messageSeq) =>
    // The first came with an earlier group, the text of the last goes with the next.
    ["MAIL", "RCPT", "BDAT"]
      .filter((command) => (messageSeq === 1 ? command === "BDAT" : messageSeq < 300 || command !== "BDAT"))
      .map((command) => ({ command, line: command, reply, messageSeq, messageId: `m${messageSeq}` })),
  );
  const group: CommandGroup = {
    id: 1,
    exchanges,
    messageSeqs: seqs,
    startedAt: common.time,
    durationMs: 12,
    bytesSent: 9_000,
    bytesReceived: 7_000,
    firstReplyMs: 5,
    sent: [],
    codes: [],
    messages: [],
    errors: [],
    recipients: { accepted: [], succeeded: [], failed: [], unknown: [] },
  };
  target.emit("groupEnd", { ...common, group });
  detach();

  const span = only(spans.named("PIPELINE BDAT MAIL RCPT"));
  expect(span.attributes).toMatchObject({
    "smtp.group.batch_size": 300,
    "smtp.group.links_dropped": 268,
    "smtp.group.commands": 1 + 298 * 3 + 2,
  });
  expect(span.links.map(({ attributes }) => attributes?.["smtp.message.part"])).toEqual([
    "end",
    ...Array.from({ length: 31 }, () => "whole"),
  ]);
  const parent = spans.ended.find(({ attributes }) => attributes["smtp.message.seq"] === 300);
  expect(span.parentSpanContext?.spanId).toBe(parent?.spanContext().spanId);
  expect(at(span.endTime)).toBe(common.time + 12);
});

/** All that is said in spans. */
function everything(spans: readonly ReadableSpan[]): string {
  return JSON.stringify(
    spans.map(({ name, attributes, events, links, status }) => ({ name, attributes, events, links, status })),
  );
}

describe("contexts", () => {
  test("are those of the callers of pipeline(), each its own, on a session that another connected", async () => {
    const spans = new RecordedSpans();
    await conversation([], PARTIAL, {
      run: async ({ session, send }) => {
        attachTracing(session, { tracerProvider: spans.provider });
        const contexts = ["connecter", "first", "second"].map((name) => spans.within(name));
        const [connecter, ...callers] = contexts;
        const within = <T>(i: number, call: () => T): T =>
          context.with(callers[i]?.context ?? context.active(), call);
        await context.with(connecter?.context ?? context.active(), () => session.connect());
        const sent = PARTIAL_MESSAGES.map((each, i) => within(i, () => send(each)));
        await Promise.all(sent);
        for (const { end } of contexts) end();
      },
    });
    const parents = Object.fromEntries(shapes(spans.ended).map(({ name, parent }) => [name, parent]));
    expect(parents).toMatchObject({
      "smtp connect": "connecter",
      "send 1": "first",
      "send 2": "second",
      "PIPELINE text RSET MAIL RCPT DATA": "send 2",
    });
  });

  test("two messages of one id have spans of their own", async () => {
    const spans = new RecordedSpans();
    const session = new SmtpSession({ host: "peer.example" });
    attachTracing(session, { tracerProvider: spans.provider });
    const sent = [1, 2].map(() => session.pipeline({ ...message(1), id: "same", to: "no address" }));
    await Promise.all(sent);
    const sends = spans.named("smtp send").map(({ attributes }) => attributes);
    expect(sends.map((each) => [each["messaging.message.id"], each["smtp.message.seq"]])).toEqual([
      ["same", 1],
      ["same", 2],
    ]);
  });
});

describe("without an SDK, or sampled out,", () => {
  test("nothing is recorded, and nothing breaks", async () => {
    const { deliveries, warnings } = await conversation(PARTIAL_MESSAGES, PARTIAL, {
      run: ({ session, send }) => {
        attachTracing(session);
        return Promise.all(PARTIAL_MESSAGES.map(send));
      },
    });
    expect(deliveries.map(({ ok }) => ok)).toEqual([false, true]);
    expect(warnings).toEqual([]);

    const spans = new RecordedSpans(new AlwaysOffSampler());
    await conversation(PARTIAL_MESSAGES, PARTIAL, {
      run: ({ session, send }) => {
        attachTracing(session, { tracerProvider: spans.provider });
        return Promise.all(PARTIAL_MESSAGES.map(send));
      },
    });
    expect(spans.ended).toEqual([]);
  });

  test("a provider that is registered later is used", async () => {
    const spans = new RecordedSpans();
    await conversation([], `${HELLO}\n${BYE}`, {
      run: async ({ session }) => {
        attachTracing(session);
        trace.setGlobalTracerProvider(spans.provider);
        await session.connect();
      },
    });
    trace.disable();
    expect(spans.named("smtp connect").length).toBe(1);
  });
});

test("detaching ends the spans that are open, and no new ones begin", async () => {
  const spans = new RecordedSpans();
  await conversation(
    [],
    `${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: Text 1
    C: .
    S: 250 ok
    ${BYE}`,
    {
      run: async ({ session, send }) => {
        const detach = attachTracing(session, { tracerProvider: spans.provider });
        session.once("messageStart", () => {
          detach();
          detach(); // twice is once
        });
        await send(message(1));
      },
    },
  );
  expect(spans.started.map(({ name }) => name)).toEqual(["smtp send", "smtp connect", "greeting", "EHLO"]);
  expect(spans.ended.length).toBe(4);
  expect(spans.complaints).toEqual([]);
});

test("a processor that throws disturbs nothing, and makes nothing stay in memory", async () => {
  const spans = new RecordedSpans();
  spans.onEnd = () => {
    throw new Error("the exporter is broken");
  };
  let id = "";
  const { deliveries, warnings } = await conversation([], PARTIAL, {
    run: async ({ session, send }) => {
      ({ id } = session);
      attachTracing(session, { tracerProvider: spans.provider });
      const sent = Promise.all(PARTIAL_MESSAGES.map(send));
      expect(spanOfMessage(id, 1)).toBeDefined();
      await sent;
    },
  });
  expect(deliveries.map(({ ok }) => ok)).toEqual([false, true]);
  expect(new Set(warnings)).toEqual(new Set(["ESMTP_LISTENER_FAILED"]));
  expect([1, 2].map((seq) => spanOfMessage(id, seq))).toEqual([undefined, undefined]);

  const failing = new SmtpSession({
    host: "peer.example",
    connectSocket: () => new Promise(() => undefined),
  });
  attachTracing(failing, { tracerProvider: spans.provider });
  const sent = failing.pipeline(message(1));
  failing.destroy();
  await sent;
  expect(spanOfMessage(failing.id, 1)).toBeUndefined();
  expect(failing.listenerCount("close")).toBe(0);
});

test("who is detached by an earlier listener of messageQueued begins no span for it", async () => {
  const spans = new RecordedSpans();
  const session = new SmtpSession({ host: "peer.example" });
  let detach = (): void => undefined;
  session.on("messageQueued", () => detach());
  detach = attachTracing(session, { tracerProvider: spans.provider });
  await session.pipeline(message(1, { to: "no address" }));
  expect(spans.started).toEqual([]);
});

test("metrics find the span of a message for their exemplars, whichever was attached first", async () => {
  for (const order of ["metrics first", "tracing first"]) {
    const spans = new RecordedSpans();
    const register = new prometheus.Registry<prometheus.OpenMetricsContentType>();
    register.setContentType(prometheus.Registry.OPENMETRICS_CONTENT_TYPE);
    await conversation(PARTIAL_MESSAGES, PARTIAL, {
      run: ({ session, send }) => {
        const attach = [
          () => attachMetrics(session, { prometheus, register }),
          () => attachTracing(session, { tracerProvider: spans.provider }),
        ];
        for (const each of order === "metrics first" ? attach : attach.toReversed()) each();
        return Promise.all(PARTIAL_MESSAGES.map(send));
      },
    });
    const text = await register.metrics();
    const exemplar = (metric: string): RegExpExecArray | null =>
      new RegExp(`^smtp_client_${metric}_bucket\\{.*# \\{trace_id="(\\w+)",span_id="(\\w+)"\\}`, "m").exec(
        text,
      );
    const ids = spans.named("smtp send").map((span) => span.spanContext().spanId);
    expect(ids, order).toContain(exemplar("message_duration_seconds")?.[2]);
    expect(ids, order).toContain(exemplar("message_size_bytes")?.[2]);
    expect(ids, order).toContain(exemplar("group_duration_seconds")?.[2]);
    expect(exemplar("connect_duration_seconds"), order).toBeNull();
  }
});

test.each([
  [{ tracerProvider: {} }, /options\.tracerProvider/],
  [{ recordRecipients: "yes" }, /options\.recordRecipients/],
  [{ getTracer: () => undefined }, /options\.getTracer is unknown/],
  [null, /options must be an object/],
])("options of the wrong shape are refused by name: %o", (options, text) => {
  expect(() => attachTracing(new SmtpSession({ host: "peer.example" }), options as never)).toThrow(text);
});

describe("no span ends before it began:", () => {
  test("a message's that had its fate inside pipeline()", async () => {
    const spans = new RecordedSpans();
    const session = new SmtpSession({ host: "peer.example" });
    attachTracing(session, { tracerProvider: spans.provider });
    await session.pipeline(message(1, { to: "no address" }));
    await session.pipeline(message(2, { signal: AbortSignal.abort() }));
    expect(spans.named("smtp send").length).toBe(2);
    expect(spans.complaints).toEqual([]);
  });

  test("those that detaching ends at once", async () => {
    const spans = new RecordedSpans();
    for (let i = 0; i < 20; i++) {
      const session = new SmtpSession({
        host: "peer.example",
        connectSocket: () => new Promise(() => undefined),
      });
      const detach = attachTracing(session, { tracerProvider: spans.provider });
      const sent = session.pipeline(message(1));
      detach();
      session.destroy();
      await sent;
    }
    expect(spans.ended.length).toBe(40);
    expect(spans.complaints).toEqual([]);
  });
});
