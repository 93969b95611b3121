import * as prometheus from "prom-client";
import { BoundedPeerMemory, SmtpSession } from "smtp-pipelining";
import { attachLogger } from "smtp-pipelining/logging";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachRecorder } from "smtp-pipelining/recorder";
import { attachTracing } from "smtp-pipelining/tracing";
import { expect, test } from "vitest";
import { chunking } from "../support/chunking-option.ts";
import { startLmtpServer } from "../support/lmtp-server.ts";
import { pageText, pictureOf } from "../support/recorded.ts";
import { BYE, conversation, message } from "../support/scripted-peer.ts";
import { RecordedSpans } from "../support/spans.ts";

// What watches a session, where one end of a text has several replies.

async function watched() {
  const { socketPath } = await startLmtpServer();
  const session = new SmtpSession({
    protocol: "lmtp",
    socketPath,
    name: "client.example",
    peers: new BoundedPeerMemory(),
  });
  const register = new prometheus.Registry();
  const spans = new RecordedSpans();
  const lines: string[] = [];
  const fields: Record<string, unknown>[] = [];
  const log = (given: object, text: string): void => {
    fields.push({ ...given, text });
    lines.push(text);
  };
  attachMetrics(session, { prometheus, register });
  attachTracing(session, { tracerProvider: spans.provider });
  attachLogger(session, { debug: log, info: log, warn: log, error: log }, { wire: true });
  const recorder = attachRecorder(session);
  const deliveries = await Promise.all([
    session.pipeline(message(1, { to: ["ann@example.net", "full@example.net", "nobody@example.net"] })),
    session.pipeline(message(2, { to: ["bob@example.net", "cid@example.net"] })),
    session.pipeline(message(3, { to: ["closed@example.net", "closed2@example.net"] })),
  ]);
  await session.quit();
  return { socketPath, register, spans, lines, fields, recorder, deliveries };
}

async function counted(register: prometheus.Registry, name: string): Promise<Record<string, number>> {
  const metric = await register.getSingleMetric(`smtp_client_${name}`)?.get();
  return Object.fromEntries(
    (metric?.values ?? [])
      .filter(({ value }) => value !== 0)
      .map(({ labels: { client: _, ...labels }, value }) => [Object.values(labels).join(" "), value]),
  );
}

test("metrics: recipients as delivered, one text a message, one reply a recipient", async () => {
  const { register, deliveries } = await watched();
  expect(deliveries.map(({ succeeded, failed }) => [succeeded.length, failed.length])).toEqual([
    [1, 2],
    [2, 0],
    [0, 2],
  ]);
  expect(await counted(register, "telemetry_errors_total")).toEqual({});
  expect(await counted(register, "recipients_total")).toEqual({
    "succeeded message": 3,
    "deferred message": 1,
    "rejected rcpt": 1,
    "rejected message": 2,
  });
  expect(await counted(register, "messages_total")).toEqual({ partial: 1, delivered: 1, rejected: 1 });
  expect(await counted(register, "commands_total")).toEqual({
    LHLO: 1,
    MAIL: 3,
    RCPT: 7,
    DATA: 3,
    text: 3,
    QUIT: 1,
  });
  const replies = await counted(register, "replies_total");
  expect([replies["text 2xx"], replies["text 4xx"], replies["text 5xx"]]).toEqual([3, 1, 2]);
  // Three envelopes of 5, 4 and 4 commands: the replies to one text save nothing.
  expect(await counted(register, "round_trips_saved_total")).toEqual({ "": 4 + 3 + 3 });
});

test("tracing: a text that some took is no error; a Unix socket has a path and no port", async () => {
  const { socketPath, spans, deliveries } = await watched();
  expect(spans.complaints).toEqual([]);
  expect(spans.ended.length).toBe(spans.started.length);
  const sends = spans.named("smtp send");
  const attributes = ["succeeded", "failed", "unknown"] as const;
  expect(sends.map((span) => attributes.map((each) => span.attributes[`smtp.recipients.${each}`]))).toEqual(
    deliveries.map((delivery) => attributes.map((each) => delivery[each].length)),
  );
  expect(sends.map(({ attributes }) => attributes["smtp.response.status_code"])).toEqual([
    undefined,
    250,
    550,
  ]);
  const texts = spans.named("text");
  expect(texts.map(({ attributes }) => attributes["error.type"])).toEqual([undefined, undefined, "550"]);
  expect(
    texts.map(({ attributes }) => [attributes["smtp.group.commands"], attributes["smtp.group.replies"]]),
  ).toEqual([
    [1, 2],
    [1, 2],
    [1, 2],
  ]);
  expect(spans.named("LHLO").length).toBe(1);
  for (const { attributes } of spans.ended) {
    expect(attributes["server.address"]).toBe(socketPath);
    expect(attributes["network.protocol.name"]).toBe("lmtp");
    expect(attributes).not.toHaveProperty("server.port");
    expect(attributes).not.toHaveProperty("network.peer.port");
  }
});

test("logging: the dot once, each reply, the socket's path", async () => {
  const { lines, fields, socketPath } = await watched();
  expect(lines.filter((line) => line === "C: .").length).toBe(3);
  const behind = lines.filter((line) => /^[CS]: (?:\.|452|250 2\.0|550 5\.2)/.test(line));
  expect(behind).toEqual([
    "C: .",
    "S: 250 2.0.0 stored",
    "S: 452 4.2.2 full",
    "C: .",
    "S: 250 2.0.0 stored",
    "S: 250 2.0.0 stored",
    "C: .",
    "S: 550 5.2.1 closed",
    "S: 550 5.2.1 closed",
  ]);
  expect(fields.filter(({ text }) => text === "ready").map(({ server }) => server)).toEqual([socketPath]);
  expect(lines).toContain(`connecting to ${socketPath}`);
});

test("recorder: every reply stands in the picture, and the totals are the deliveries'", async () => {
  const { recorder, socketPath } = await watched();
  const html = recorder.html();
  const text = pageText(html);
  expect(text).toMatch(/7 recipients 3 succeeded 1 failed for now 3 failed for good 0 unknown/);
  expect(text).toMatch(/Messages 3 1 to all recipients, 1 to some, 1 to none/);
  // Greeting, LHLO, three envelopes of 5, 4 and 4, three texts, QUIT.
  expect(text).toContain("Commands 19 in 9 groups");
  expect(text).toContain(socketPath);
  expect(text).not.toContain(`${socketPath}:0`);
  const [session] = pictureOf(html);
  const texts = session?.groups.flatMap(({ exchanges }) =>
    exchanges.filter(([command]) => command === "text").map(([, line, , , seq, , code]) => [line, seq, code]),
  );
  expect(texts).toEqual([
    [".", 1, 250],
    [".", 1, 452],
    [".", 2, 250],
    [".", 2, 250],
    [".", 3, 550],
    [".", 3, 550],
  ]);
});

test("a text in chunks: each BDAT counts once, and is no error where some took it", async () => {
  const register = new prometheus.Registry();
  const spans = new RecordedSpans();
  const to = ["ann@example.net", "full@example.net", "bob@example.net"];
  await conversation(
    [],
    `
    S: 220 store.example LMTP
    C: LHLO client.example
    S: 250-store.example
    S: 250-PIPELINING
    S: 250 CHUNKING
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<ann@example.net>
    C: RCPT TO:<full@example.net>
    C: RCPT TO:<bob@example.net>
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 250 ok
    C: BDAT 8 LAST
    C: Text 1
    S: 250 stored
    S: 452 full
    S: 250 stored
    C: RSET
    S: 250 reset
    ${BYE}`,
    {
      session: { protocol: "lmtp", ...chunking("strict") },
      run: (caller) => {
        attachMetrics(caller.session, { prometheus, register });
        attachTracing(caller.session, { tracerProvider: spans.provider });
        return caller.send(message(1, { to }));
      },
    },
  );
  expect(await counted(register, "commands_total")).toEqual({
    LHLO: 1,
    MAIL: 1,
    RCPT: 3,
    BDAT: 1,
    RSET: 1,
    QUIT: 1,
  });
  expect(await counted(register, "replies_total")).toMatchObject({ "BDAT 2xx": 2, "BDAT 4xx": 1 });
  // The envelope's 4 commands in one group, and nothing else.
  expect(await counted(register, "round_trips_saved_total")).toEqual({ "": 3 });
  const [text] = spans.named("BDAT");
  expect(text?.attributes).toMatchObject({ "smtp.group.commands": 1, "smtp.group.replies": 3 });
  expect(text?.attributes).not.toHaveProperty("error.type");
});
