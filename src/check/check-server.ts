import {
  BoundedPeerMemory,
  type Delivery,
  type Message,
  type PeerFacts,
  type ReadyEvent,
  type SessionOptions,
  SmtpSession,
} from "../index.ts";
import type { Advice, ServerReport, Trial } from "./report.ts";

/** What is checked, and how far it may go. */
export interface CheckOptions {
  /** The options of its sessions. */
  readonly session: SessionOptions;
  /** Who is written to. Without a recipient no message is sent. */
  readonly mail?: { readonly from: string; readonly to: string } | undefined;
  /** Told what is tried next. */
  readonly progress?: (what: string) => void;
}

/** Messages that are sent with DATA, and in bursts: as few as show what is to be seen. */
const WITH_DATA = 3;
const IN_BURSTS = 5;

/** Remembers, for the checks of one server, and tells what it was told last. */
class Learning extends BoundedPeerMemory {
  facts: PeerFacts | undefined;

  override set(key: string, facts: PeerFacts): void {
    this.facts = facts;
    super.set(key, facts);
  }
}

/**
 * Tries a server: what it offers, how it answers what it does not know, and, if there is a recipient, whether it bears
 * envelopes behind texts, bursts of BDAT, and an envelope that comes with the connection. Never rejects: what fails is in
 * the report.
 */
export async function checkServer(options: CheckOptions): Promise<ServerReport> {
  const { mail, progress = () => undefined } = options;
  progress("connecting");
  const peers = new Learning();
  const session = new SmtpSession({ ...options.session, peers });
  const { host, port } = session;
  let ready: ReadyEvent | undefined;
  session.on("ready", (event) => {
    ready = event;
  });
  try {
    await session.connect();
  } catch (error) {
    return { host, port, failure: said(error), offers: {}, trials: [], advice: [] };
  }
  const offers = Object.fromEntries(session.capabilities);
  const trials: Trial[] = [];
  const facts = {
    host,
    port,
    greeting: `${session.greeting?.code} ${session.greeting?.text}`,
    ...(ready?.tlsVersion !== undefined && { tlsVersion: ready.tlsVersion }),
    verified: ready?.verified ?? false,
    ...(ready?.mechanism !== undefined && { mechanism: ready.mechanism }),
    offers,
  };
  let roundTripMs: number | undefined;
  try {
    progress("measuring the round trip");
    roundTripMs = await roundTrip(session);
    progress("saying what it does not know");
    trials.push(await unknownCommand(session));
  } catch (error) {
    trials.push({ name: "commands", ok: false, found: said(error) });
  }
  await session.quit();
  if (mail !== undefined) {
    for (const trial of mailTrials(options.session, mail, offers, peers, roundTripMs)) {
      progress(trial.name);
      trials.push(await trial.run());
    }
  }
  return {
    ...facts,
    ...(roundTripMs !== undefined && { roundTripMs }),
    trials,
    advice: advise(offers, facts.tlsVersion, mail === undefined ? undefined : peers.facts, trials),
  };
}

async function roundTrip(session: SmtpSession): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await session.noop();
    shortest = Math.min(shortest, performance.now() - start);
  }
  return shortest;
}

async function unknownCommand(session: SmtpSession): Promise<Trial> {
  const { code } = await session.command("XCHECK");
  await session.noop();
  return { name: "a command that it does not know", ok: code >= 500, found: `${code}, and it goes on` };
}

interface MailTrial {
  readonly name: string;
  run(): Promise<Trial>;
}

function mailTrials(
  options: SessionOptions,
  mail: NonNullable<CheckOptions["mail"]>,
  offers: Readonly<Record<string, string>>,
  peers: Learning,
  roundTripMs: number | undefined,
): MailTrial[] {
  const send = (name: string, chunking: "off" | "auto", count: number): MailTrial => ({
    name,
    run: async () => {
      const session = new SmtpSession({ ...options, chunking, peers });
      const groups: number[] = [];
      const warnings: string[] = [];
      session.on("groupEnd", ({ group }) => groups.push(group.exchanges.length));
      session.on("warning", ({ message }) => warnings.push(message));
      await session.connect().catch(() => undefined);
      const before = groups.length;
      const start = performance.now();
      const sent = Array.from({ length: count }, (_, i) =>
        session.pipeline(letter(mail, name, i + 1, count)),
      );
      const deliveries = await Promise.all(sent);
      const took = performance.now() - start;
      const used = groups.length - before;
      await session.quit();
      const taken = deliveries.filter(({ ok }) => ok).length;
      const trips = roundTripMs === undefined ? "" : `, ${used} groups in ${Math.round(took)} ms`;
      const found = [`${taken} of ${count} taken${trips}`, ...refusals(deliveries), ...warnings].join("; ");
      return { name, ok: taken === count && warnings.length === 0, found };
    },
  });
  const trials = [send(`${WITH_DATA} messages with DATA, pipelined across messages`, "off", WITH_DATA)];
  if ("CHUNKING" in offers)
    trials.push(send(`${IN_BURSTS} messages with BDAT, in bursts`, "auto", IN_BURSTS));
  if ("PIPECONNECT" in offers) trials.push(early(options, mail, peers));
  return trials;
}

function early(options: SessionOptions, mail: NonNullable<CheckOptions["mail"]>, peers: Learning): MailTrial {
  const name = "an envelope with the connection";
  return {
    name,
    run: async () => {
      const session = new SmtpSession({ ...options, chunking: "off", peers });
      let first: readonly string[] = [];
      session.once("groupEnd", ({ group }) => {
        first = group.exchanges.map(({ command }) => command);
      });
      const delivery = await session.pipeline(letter(mail, name, 1, 1));
      await session.quit();
      const went = first.includes("MAIL");
      const found = [went ? "it bears it" : "not tried: TLS or AUTH come first", ...refusals([delivery])];
      return { name, ok: delivery.ok, found: found.join("; ") };
    },
  };
}

function letter(
  { from, to }: NonNullable<CheckOptions["mail"]>,
  what: string,
  number: number,
  count: number,
): Message {
  const lines = [
    `From: <${from}>`,
    `To: <${to}>`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Subject: Check of your mail server: ${number} of ${count}`,
    "Auto-Submitted: auto-generated",
    "",
    "Somebody asked for a check of this mail server, and gave this address for it.",
    `This is message ${number} of ${count} of: ${what}.`,
    ".",
    "There is a line with nothing but a dot above this one.",
    "",
  ];
  return { from, to, data: lines.join("\r\n") };
}

/** Why messages were not taken, each reason once. */
function refusals(deliveries: readonly Delivery[]): string[] {
  const reasons = deliveries.flatMap(({ failed, unknown }) => [
    ...failed.map(({ stage, reply, error }) => {
      return `${stage}: ${reply === undefined ? error?.message : `${reply.code} ${reply.text}`}`;
    }),
    ...unknown.map(({ error }) => `unknown: ${error.message}`),
  ]);
  return [...new Set(reasons)];
}

function advise(
  offers: Readonly<Record<string, string>>,
  tlsVersion: string | undefined,
  facts: PeerFacts | undefined,
  trials: readonly Trial[],
): Advice[] {
  const advice: Advice[] = [];
  if (tlsVersion === undefined && "STARTTLS" in offers) {
    advice.push({ option: 'tls: "required"', why: "it offers STARTTLS" });
  }
  if (!("PIPELINING" in offers)) {
    advice.push({
      option: 'pipelining: "off"',
      why: "it does not offer PIPELINING: the session sees that itself",
    });
    return advice;
  }
  if (facts === undefined) {
    advice.push({
      option: 'pipelining: "auto"',
      why: "finds out by itself what it bears; with --to this check shows it",
    });
    return advice;
  }
  advice.push(
    !facts.pipelining
      ? { option: 'pipelining: "off"', why: "its replies get out of step" }
      : facts.followOn === "proven"
        ? { option: 'pipelining: "auto"', why: "it bears envelopes behind texts: one round trip a message" }
        : facts.followOn === "unfit"
          ? { option: 'pipelining: "transaction"', why: "it does not bear envelopes behind texts" }
          : { option: 'pipelining: "auto"', why: "nothing was seen against it" },
  );
  if ("CHUNKING" in offers) advice.push(adviseChunking(facts.chunking, trials));
  return advice;
}

function adviseChunking(chunking: PeerFacts["chunking"], trials: readonly Trial[]): Advice {
  switch (chunking) {
    case "proven":
      return { option: 'chunking: "auto"', why: "it bears bursts: distance does not matter" };
    case "strict":
      return { option: 'chunking: "strict"', why: "its answers to texts can't be told from those to RSET" };
    case "unfit":
      return { option: 'chunking: "off"', why: "it does not swallow what it refuses" };
    default:
      return {
        option: 'chunking: "auto"',
        why: trials.some(({ ok }) => !ok)
          ? "it could not be tried to the end"
          : "nothing was seen against it",
      };
  }
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
