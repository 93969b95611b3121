import { context } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import * as prometheus from "prom-client";
import { BoundedPeerMemory, type Delivery, type Message, SmtpSession } from "smtp-pipelining";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachTracing } from "smtp-pipelining/tracing";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { BurstPeer } from "../support/burst-peer.ts";
import { series } from "../support/scrape.ts";
import { enableContexts, RecordedSpans } from "../support/spans.ts";

// Hundreds of messages in one burst, watched. What is expected is counted by the peer, or told from the list of messages.

beforeAll(enableContexts);
afterAll(() => context.disable());

/** The first goes alone, 128 are the first burst, and the others one burst. */
const BEFORE = 1 + 128;
const BURST = 300;
const ALL = BEFORE + BURST;
/** So many of the burst are answered to their end before the connection is lost. */
const CONFIRMED = 100;

type Kind = "all" | "some" | "none" | "text";

/** What becomes of message n: all its recipients get it, one of two, nobody (later), or its text is refused. */
function kindOf(n: number): Kind {
  if (n % 50 === 24) return "text";
  if (n % 20 === 7) return "none";
  return n % 10 === 3 ? "some" : "all";
}

function textOf(n: number): string {
  return `${kindOf(n) === "text" ? "Unwanted" : "Text"} ${n}\r\n`;
}

const MESSAGES: readonly Message[] = Array.from({ length: ALL }, (_, n) => ({
  id: `m${n}`,
  from: `a${n}@example.org`,
  to: kindOf(n) === "none" ? `later${n}@example.net` : [`b${n}@example.net`, ...others(n)],
  data: textOf(n),
}));

function others(n: number): string[] {
  return kindOf(n) === "some" ? [`gone${n}@example.net`] : [];
}

/** How many messages from one number to another are of this kind. */
function count(kind: Kind, from = 0, to: number = ALL): number {
  return Array.from({ length: to - from }, (_, i) => kindOf(from + i)).filter((each) => each === kind).length;
}

interface Watched {
  readonly peer: BurstPeer;
  readonly session: SmtpSession;
  readonly spans: RecordedSpans;
  /** Names of what happened to each message, in order. */
  readonly told: ReadonlyMap<string, readonly string[]>;
  readonly sent: Promise<readonly Delivery[]>;
  readonly ended: () => number;
  /** The samples of a metric by the values of its labels, those that are zero left out. */
  scrape(name: string): Promise<Record<string, number>>;
}

/** A session that is watched, and its peer. */
async function begin(limits: {
  groupCommands?: number;
}): Promise<Pick<Watched, "peer" | "session" | "spans" | "scrape">> {
  const peer = await BurstPeer.start({
    toRcpt: (address) =>
      address.startsWith("gone")
        ? "550 5.1.1 no such user"
        : address.startsWith("later")
          ? "450 4.2.1 busy"
          : undefined,
    toText: (text) => (text.startsWith("Unwanted") ? "554 5.7.1 not this one" : undefined),
  });
  const session = new SmtpSession({
    host: "127.0.0.1",
    port: peer.port,
    name: "client.example",
    peers: new BoundedPeerMemory(),
    limits,
  });
  onTestFinished(() => session.destroy());
  const register = new prometheus.Registry();
  const spans = new RecordedSpans();
  attachMetrics(session, { prometheus, register });
  attachTracing(session, { tracerProvider: spans.provider });
  const scrape = async (name: string): Promise<Record<string, number>> => {
    const samples = series(await register.metrics()).filter((each) => each.name === `smtp_client_${name}`);
    return Object.fromEntries(
      samples
        .filter(({ value }) => value !== 0)
        .map(({ labels: { client: _, ...labels }, value }) => [Object.values(labels).join(" "), value]),
    );
  };
  return { peer, session, spans, scrape };
}

/** Sends all messages and returns when the burst has reached the peer, which has answered nothing of it. */
async function watch(limits: { groupCommands?: number } = {}): Promise<Watched> {
  const begun = await begin(limits);
  const { peer, session } = begun;
  const told = new Map<string, string[]>();
  const note = (id: string, what: string): void => {
    told.set(id, [...(told.get(id) ?? []), what]);
  };
  for (const name of [
    "messageQueued",
    "messageStart",
    "recipientAccepted",
    "recipientSucceeded",
    "recipientFailed",
    "recipientUnknown",
  ] as const) {
    session.on(name, ({ messageId }) => note(messageId, name));
  }
  let ended = 0;
  session.on("messageEnd", ({ delivery }) => {
    note(delivery.id, "messageEnd");
    ended++;
  });
  const sent = Promise.all(
    MESSAGES.map(async (each) => {
      const delivery = await session.pipeline(each);
      note(delivery.id, "promise");
      return delivery;
    }),
  );
  await peer.when(() => peer.texts > 0);
  peer.hold();
  await peer.when(() => peer.texts >= BEFORE);
  peer.answer();
  peer.hold();
  await peer.when(() => peer.texts >= ALL);
  return { ...begun, told, sent, ended: () => ended };
}

/** Lets everything happen that happens without the network. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
}

function sendsOf(spans: RecordedSpans): readonly ReadableSpan[] {
  return spans.named("smtp send").toSorted((a, b) => numberOf(a) - numberOf(b));
}

function numberOf({ attributes }: ReadableSpan): number {
  return Number(attributes["smtp.message.seq"]);
}

function groupsOf(spans: RecordedSpans): readonly ReadableSpan[] {
  return spans.ended
    .filter(({ attributes }) => "smtp.group.id" in attributes)
    .toSorted((a, b) => Number(a.attributes["smtp.group.id"]) - Number(b.attributes["smtp.group.id"]));
}

function statusOf({ status: { code, message }, attributes }: ReadableSpan): string {
  const word = ["unset", "ok", "error"][code];
  return [word, attributes["error.type"], message].filter((each) => each !== undefined).join(" ");
}

describe(`${BURST} messages in one burst, some of them refused`, () => {
  test("metrics: while nothing is answered, what is in flight", async () => {
    const { peer, sent, session, scrape, ended } = await watch();
    // Until the replies to the burst before have been read to their end.
    await quiet();
    expect(ended()).toBe(BEFORE);
    expect(await scrape("messages_pending")).toEqual({ "": BURST });
    expect(peer.owed).toBeGreaterThan(4 * BURST);
    expect(await scrape("replies_outstanding")).toEqual({ "": peer.owed });
    expect(await scrape("sessions")).toEqual({ ready: 1 });
    // No fate before its reply.
    const results = Object.values(await scrape("messages_total")).reduce((sum, value) => sum + value, 0);
    expect(results).toBe(BEFORE);
    peer.answer();
    await sent;
    expect(await scrape("messages_pending")).toEqual({});
    expect(await scrape("replies_outstanding")).toEqual({});
    await session.quit();
    expect(await scrape("sessions")).toEqual({});
  });

  test("metrics: counts are those of the peer and of the list", async () => {
    const { peer, sent, session, scrape } = await watch();
    peer.answer();
    await sent;
    await session.quit();
    expect(await scrape("telemetry_errors_total")).toEqual({});

    const all = count("all");
    const some = count("some");
    const none = count("none");
    const text = count("text");
    expect([all, some, none, text].every((each) => each > 5)).toBe(true);
    const messages = { delivered: all, partial: some, deferred: none, rejected: text };
    expect(await scrape("messages_total")).toEqual(messages);
    expect(await scrape("message_duration_seconds_count")).toEqual(messages);
    expect(await scrape("recipients_total")).toEqual({
      "succeeded message": all + some,
      "rejected rcpt": some,
      "deferred rcpt": none,
      "rejected message": text,
    });
    expect(peer.delivered.length).toBe(all + some);
    expect(await scrape("recipients_accepted_total")).toEqual({ "": all + some + text });
    expect(await scrape("message_wait_seconds_count")).toEqual({ "": ALL });
    expect(await scrape("message_recipients_sum")).toEqual({ "": ALL + some });
    expect(await scrape("message_size_bytes_sum")).toEqual({
      "": MESSAGES.reduce((sum, _, n) => sum + textOf(n).length, 0),
    });

    expect(await scrape("commands_total")).toEqual(peer.heard);
    expect(await scrape("replies_total")).toEqual(peer.said);
    expect(await scrape("io_bytes_total")).toEqual({ sent: peer.octetsHeard, received: peer.octetsSaid });
    // greeting, EHLO, the probe, the first envelope, its text, the first burst, the burst (two of at most 1,000), QUIT
    expect(await scrape("groups_total")).toEqual({
      "greeting ok": 1,
      "hello ok": 1,
      "mixed refused": 4,
      "envelope ok": 1,
      "text ok": 1,
      "quit ok": 1,
    });
    expect(await scrape("group_duration_seconds_count")).toEqual({
      greeting: 1,
      hello: 1,
      mixed: 4,
      envelope: 1,
      text: 1,
      quit: 1,
    });
    const commands = Object.values(peer.heard).reduce((sum, value) => sum + value, 0);
    expect(await scrape("group_commands_sum")).toEqual({ "": commands + 1 }); // with the greeting
    expect(await scrape("round_trips_saved_total")).toEqual({ "": commands + 1 - 9 });
    expect(await scrape("errors_total")).toEqual({});
    expect(await scrape("warnings_total")).toEqual({});
    expect(await scrape("last_delivery_timestamp_seconds")).toEqual({ "": expect.any(Number) });
  });

  test("events: each message's own, in their order", async () => {
    const { peer, sent, session, told } = await watch();
    peer.answer();
    await sent;
    await session.quit();
    const middle: Record<Kind, readonly string[]> = {
      all: ["recipientAccepted", "recipientSucceeded"],
      some: ["recipientAccepted", "recipientFailed", "recipientSucceeded"],
      none: ["recipientFailed"],
      text: ["recipientAccepted", "recipientFailed"],
    };
    for (let n = 0; n < ALL; n++) {
      const expected = ["messageQueued", "messageStart", ...middle[kindOf(n)], "messageEnd", "promise"];
      expect(told.get(`m${n}`), `m${n}`).toEqual(expected);
    }
  });

  test("spans: one a message, by its own fate, under its own group", async () => {
    const { peer, sent, session, spans } = await watch();
    peer.answer();
    await sent;
    await session.quit();
    expect(spans.complaints).toEqual([]);
    expect(spans.ended.length, "every span ends").toBe(spans.started.length);
    const sends = sendsOf(spans);
    expect(sends.length).toBe(ALL);
    const expected: Record<Kind, object> = {
      all: { status: "unset", code: 250, enhanced: "2.6.0", counts: [1, 1, 0, 0] },
      some: { status: "unset", code: 250, enhanced: "2.6.0", counts: [1, 1, 1, 0] },
      none: { status: "error 450 The message was answered 450", counts: [0, 0, 1, 0] },
      text: {
        status: "error 554 The message was answered 554",
        code: 554,
        enhanced: "5.7.1",
        counts: [1, 0, 1, 0],
      },
    };
    for (const [n, span] of sends.entries()) {
      const { attributes, events } = span;
      const code = attributes["smtp.response.status_code"];
      const enhanced = attributes["smtp.response.enhanced_status_code"];
      const counts = ["accepted", "succeeded", "failed", "unknown"].map(
        (each) => attributes[`smtp.recipients.${each}`],
      );
      const kind = kindOf(n);
      const found = { status: statusOf(span), ...(code !== undefined && { code, enhanced }), counts };
      expect(found, `m${n}`).toEqual(expected[kind]);
      expect(attributes["smtp.message.size"]).toBe(textOf(n).length);
      const failures = events.map(({ name, attributes: of }) => [name, of?.["smtp.recipient.stage"]]);
      const stage = kind === "text" ? "message" : "rcpt";
      expect(failures).toEqual(kind === "all" ? [] : [["smtp.recipient.failed", stage]]);
    }
  });

  test("spans: the group is one, with 32 links, and says how many there would be", async () => {
    const { peer, sent, session, spans } = await watch({ groupCommands: 10_000 });
    const { octetsHeard } = peer;
    const owed = peer.owed;
    peer.answer();
    await sent;
    await session.quit();
    const groups = groupsOf(spans);
    expect(groups.map(({ name }) => name)).toEqual([
      "greeting",
      "EHLO",
      "PIPELINE RSET MAIL BDAT",
      "PIPELINE MAIL RCPT",
      "PIPELINE BDAT RSET",
      "PIPELINE MAIL RCPT BDAT RSET",
      "PIPELINE MAIL RCPT BDAT RSET",
      "QUIT",
    ]);
    const [, , probe, , , , burst] = groups;
    const sum = groups.reduce(
      (total, { attributes }) => total + Number(attributes["smtp.group.bytes_sent"]),
      0,
    );
    expect(sum).toBe(octetsHeard + "QUIT\r\n".length);
    expect(burst?.attributes).toMatchObject({
      "smtp.group.batch_size": BURST,
      "smtp.group.links_dropped": BURST - 32,
      "smtp.group.commands": owed,
      "smtp.group.replies": owed,
    });
    const parts = (span: ReadableSpan | undefined): unknown[] =>
      span?.links.map(({ attributes }) => [
        attributes?.["smtp.message.seq"],
        attributes?.["smtp.message.part"],
      ]) ?? [];
    expect(parts(burst)).toEqual(Array.from({ length: 32 }, (_, i) => [BEFORE + 1 + i, "whole"]));
    // The first message: its envelope stands behind the probe, its text goes alone, RSET behind it.
    expect([parts(groups[3]), parts(groups[4])]).toEqual([[[1, "start"]], [[1, "end"]]]);
    const sends = sendsOf(spans);
    expect(burst?.parentSpanContext?.spanId).toBe(sends.at(-1)?.spanContext().spanId);
    expect(burst?.links.map(({ context: { spanId } }) => spanId)).toEqual(
      sends.slice(BEFORE, BEFORE + 32).map((span) => span.spanContext().spanId),
    );
    // What the probe asks for is to be refused.
    expect(statusOf(probe as ReadableSpan)).toBe("unset");
    expect(probe?.parentSpanContext).toBeUndefined();
    expect(statusOf(burst as ReadableSpan)).toBe("error 554 BDAT was answered 554");
  });

  test("spans: a burst of more commands than a group may hold is several groups, its messages linked to each", async () => {
    const { peer, sent, session, spans } = await watch();
    peer.answer();
    await sent;
    await session.quit();
    const [first, second] = groupsOf(spans).slice(6, 8);
    expect(first?.attributes["smtp.group.commands"]).toBe(1_000);
    const batches = [first, second].map((each) => Number(each?.attributes["smtp.group.batch_size"]));
    const [a = 0, b = 0] = batches;
    // One message stands in both, unless the border is between two.
    expect([BURST, BURST + 1]).toContain(a + b);
    expect(second?.links[0]?.attributes).toEqual(
      a + b === BURST
        ? { "smtp.message.seq": BEFORE + a + 1, "smtp.message.part": "whole" }
        : { "smtp.message.seq": BEFORE + a, "smtp.message.part": "end" },
    );
  });
});

describe(`a burst of ${BURST} messages that is cut when ${CONFIRMED} have been confirmed`, () => {
  test("is unknown from there on, and its group lost", async () => {
    const { peer, session, sent, spans, scrape, ended } = await watch({ groupCommands: 10_000 });
    const owed = peer.owed;
    // Of the message behind, all but the reply to its RSET.
    const replies =
      repliesTo(BEFORE, BEFORE + CONFIRMED) + repliesTo(BEFORE + CONFIRMED, BEFORE + CONFIRMED + 1) - 1;
    peer.answer(replies);
    const closed = new Promise((resolve) => session.on("close", resolve));
    while (ended() < BEFORE + CONFIRMED) await new Promise((resolve) => setImmediate(resolve));
    await quiet();
    expect(ended()).toBe(BEFORE + CONFIRMED);
    peer.cut();
    await sent;
    await closed;

    const confirmed = BEFORE + CONFIRMED;
    const lost = ALL - confirmed;
    expect(await scrape("telemetry_errors_total")).toEqual({});
    expect(await scrape("messages_total")).toEqual({
      delivered: count("all", 0, confirmed),
      partial: count("some", 0, confirmed),
      deferred: count("none", 0, confirmed),
      rejected: count("text", 0, confirmed),
      unknown: lost,
    });
    expect(await scrape("recipients_total")).toEqual({
      "succeeded message": count("all", 0, confirmed) + count("some", 0, confirmed),
      "rejected rcpt": count("some", 0, confirmed),
      "deferred rcpt": count("none", 0, confirmed),
      "rejected message": count("text", 0, confirmed),
      "unknown connection": lost + count("some", confirmed),
    });
    expect(await scrape("errors_total")).toEqual({ ESMTP_CONNECTION_LOST: 1 });
    expect(await scrape("disconnections_total")).toEqual({ server: 1 });
    expect((await scrape("groups_total"))["mixed lost"]).toBe(1);
    expect(await scrape("replies_total")).toEqual(peer.said);
    expect(await scrape("commands_total")).toEqual(peer.heard);
    for (const gauge of ["messages_pending", "replies_outstanding", "sessions"]) {
      expect(await scrape(gauge), gauge).toEqual({});
    }

    expect(spans.complaints).toEqual([]);
    expect(spans.ended.length, "every span ends").toBe(spans.started.length);
    const statuses = sendsOf(spans).map(statusOf);
    const lostStatus = "error ESMTP_CONNECTION_LOST The connection was lost";
    expect(statuses.slice(confirmed)).toEqual(Array.from({ length: lost }, () => lostStatus));
    expect(statuses.slice(0, confirmed)).not.toContain(lostStatus);
    const group = groupsOf(spans).at(-1);
    expect(group?.attributes).toMatchObject({
      "smtp.group.batch_size": BURST,
      "smtp.group.links_dropped": BURST - 32,
      "smtp.group.commands": owed,
      "smtp.group.replies": replies,
    });
    expect(statusOf(group as ReadableSpan)).toBe(lostStatus);
  });
});

/** The replies to messages from one number to another: MAIL, each RCPT, BDAT, RSET. */
function repliesTo(from: number, to: number): number {
  return 4 * (to - from) + count("some", from, to);
}

describe("the group of a burst", () => {
  /** Sends three messages, the first alone, and the others as one burst. */
  async function statusOfBurst(second: Partial<Message>, third: Partial<Message>): Promise<string> {
    const { peer, session, spans } = await begin({});
    const text = (n: number): Message => ({
      from: `a${n}@example.org`,
      to: `b${n}@example.net`,
      data: `Text ${n}\r\n`,
    });
    await Promise.all(
      [text(1), { ...text(2), ...second }, { ...text(3), ...third }].map((each) => session.pipeline(each)),
    );
    await session.quit();
    expect(peer.heard["DATA"]).toBeUndefined();
    const bursts = groupsOf(spans).filter(({ name }) => name === "PIPELINE MAIL RCPT BDAT RSET");
    expect(bursts.length).toBe(1);
    return bursts.map(statusOf).join();
  }

  test.each<[string, Partial<Message>, Partial<Message>, string]>([
    ["in which all is well: none", {}, {}, "unset"],
    ["of which one message has no recipient left: none", { to: "gone@example.net" }, {}, "unset"],
    [
      "of which no message has one left: RCPT's",
      { to: "gone@example.net" },
      { to: "later@example.net" },
      "error 550 RCPT was answered 550",
    ],
    ["of which one text is refused: that", {}, { data: "Unwanted\r\n" }, "error 554 BDAT was answered 554"],
    [
      "of which one text is refused, behind one for nobody: the former",
      { to: "gone@example.net" },
      { data: "Unwanted\r\n" },
      "error 554 BDAT was answered 554",
    ],
  ])("%s", async (_, second, third, expected) => {
    expect(await statusOfBurst(second, third)).toBe(expected);
  });
});
