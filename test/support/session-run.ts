import type { Duplex } from "node:stream";
import { Readable } from "node:stream";
import { setImmediate as immediate } from "node:timers/promises";
import {
  type Delivery,
  type FlushSummary,
  type LineEndings,
  type Message,
  type MessageData,
  type PeerFacts,
  type PeerMemory,
  type PipeliningMode,
  type RecipientResult,
  SmtpSession,
} from "smtp-pipelining";
import { vi } from "vitest";
import { type Chunking, chunking } from "./chunking-option.ts";
import { judgeGroup } from "./conversation.ts";
import { duplexPair } from "./duplex-pair.ts";
import { type Judged, judge } from "./judge.ts";
import { isHonest, ModelServer, type ServerScript } from "./model-server.ts";
import { addressOf, type Cut, misleads, type RecipientKind, type SenderKind, senderOf } from "./scripts.ts";
import { WireAudit } from "./wire-audit.ts";

/** A message, and what is done to it when: rounds of the event loop count from the beginning. */
export interface SessionMessage {
  readonly from: SenderKind;
  readonly to: readonly RecipientKind[];
  readonly text: string;
  /** How often that text is repeated: many blocks, a full socket. */
  readonly times: number;
  readonly form: "string" | "bytes" | "stream" | "iterable" | "function" | "late function";
  /** A source comes in so many pieces. */
  readonly pieces: number;
  /** What goes wrong with a source, behind how many pieces: it throws, or says nothing more. */
  readonly fault: { readonly kind: "throws" | "hangs"; readonly behind: number } | undefined;
  /** Between its pieces a source takes so long that each goes as a chunk of its own. Default false. */
  readonly slow?: boolean | undefined;
  readonly size: "undeclared" | "right" | "wrong";
  readonly body: "7BIT" | "8BITMIME" | undefined;
  readonly requireAll: boolean;
  readonly queuedAt: number;
  readonly abortedAt: number | undefined;
}

/** What a listener does when an event comes for the nth time. */
export interface Meddling {
  readonly on:
    | "ready"
    | "messageQueued"
    | "messageStart"
    | "sent"
    | "reply"
    | "recipientFailed"
    | "messageEnd"
    | "groupEnd"
    | "close";
  readonly nth: number;
  readonly does: "throw" | "reject" | "destroy" | "quit" | "pipeline" | "noop" | "abort";
}

export interface SessionScript {
  /** Default: the session's. */
  readonly chunking?: Chunking | undefined;
  readonly pipelining: PipeliningMode;
  readonly lineEndings: LineEndings;
  readonly server: ServerScript;
  readonly connects: boolean;
  readonly messages: readonly SessionMessage[];
  readonly commands: readonly {
    readonly call: "noop" | "reset" | "help" | "flush" | "ready";
    readonly at: number;
  }[];
  readonly meddling: Meddling | undefined;
  readonly quitAt: number | undefined;
  readonly destroyedAt: number | undefined;
  readonly segments: readonly number[];
  readonly cut: Cut | undefined;
  /** Behind so many octets the network takes no more. */
  readonly deafBehind: number | undefined;
}

const PLAIN: SessionMessage = {
  from: "own",
  to: ["good"],
  text: "Subject: late\r\n\r\n",
  times: 1,
  form: "string",
  pieces: 1,
  fault: undefined,
  size: "undeclared",
  body: undefined,
  requireAll: false,
  queuedAt: 0,
  abortedAt: undefined,
};

const ROUNDS = 5_000;
/** So many rounds of the event loop in which nothing stirs: nothing will, until a timer fires. */
const QUIET = 8;

interface Queued {
  readonly id: string;
  readonly script: SessionMessage;
  readonly index: number;
  readonly abort: AbortController;
  /** Queued behind `close`, after which there are no events. */
  readonly late: boolean;
  readonly told: RecipientResult["status"][];
  ended: Delivery | undefined;
  delivery: Delivery | undefined;
}

/**
 * Runs a session with a model server over a connection in memory. Timers and clock are the test runner's fakes:
 * when nothing stirs any more, the next timer fires.
 */
export class SessionRun {
  readonly #script: SessionScript;
  readonly #audit: WireAudit;
  readonly #model: ModelServer;
  readonly #session: SmtpSession;
  readonly #messages: Queued[] = [];
  readonly #problems: string[] = [];
  readonly #groups: number[] = [];
  readonly #flushes: FlushSummary[] = [];
  #pending = 0;
  #groupsEnded = 0;
  #stirred = true;
  #closed = false;

  constructor(script: SessionScript, peers: PeerMemory) {
    this.#script = script;
    this.#audit = new WireAudit({
      pipelining: script.pipelining,
      chunking: script.chunking,
      lmtp: script.server.lmtp,
    });
    this.#model = new ModelServer(script.server);
    this.#session = new SmtpSession({
      connectSocket: () => this.#connect(),
      name: "client.example.org",
      protocol: script.server.lmtp ? "lmtp" : "smtp",
      pipelining: script.pipelining,
      lineEndings: script.lineEndings,
      peers: { get: (key) => this.#recall(peers.get(key)), set: (key, facts) => peers.set(key, facts) },
      ...(script.chunking !== undefined && chunking(script.chunking)),
    });
    this.#listen();
    this.#meddle();
  }

  get transcript(): string {
    return this.#audit.transcript.join("\n");
  }

  get session(): SmtpSession {
    return this.#session;
  }

  get followOns(): number {
    return this.#audit.followOns;
  }

  get bursts(): number {
    return this.#audit.bursts;
  }

  /** How much travelled either way. */
  get octets(): Readonly<Record<Cut["way"], number>> {
    return this.#audit.octets;
  }

  /** The server, which knows what it ran and accepted. */
  get server(): Pick<ModelServer, "accepted" | "commands" | "leaked"> {
    return this.#model;
  }

  get deliveries(): readonly (Delivery | undefined)[] {
    return this.#script.messages.map((_, i) => this.#messages.find(({ index }) => index === i)?.delivery);
  }

  /** Runs to the end. Returns what was wrong. */
  async run(): Promise<string[]> {
    const { messages, commands, quitAt = 0, destroyedAt = 0 } = this.#script;
    const last = Math.max(
      quitAt,
      destroyedAt,
      ...messages.flatMap(({ queuedAt, abortedAt = 0 }) => [queuedAt, abortedAt]),
      ...commands.map(({ at }) => at),
    );
    let quiet = 0;
    for (let round = 0; round < ROUNDS; round++) {
      this.#act(round);
      await immediate();
      quiet = this.#stirred ? 0 : quiet + 1;
      this.#stirred = false;
      if (quiet < QUIET || round < last) continue;
      quiet = 0;
      if (this.#pending === 0 && this.#closed) break;
      if (this.#pending === 0 && this.#session.state !== "closing") this.#call(() => this.#session.quit());
      else if (vi.getTimerCount() > 0) vi.advanceTimersToNextTimer();
      else {
        this.#problems.push(`stuck in state ${this.#session.state} with ${this.#pending} promises pending`);
        break;
      }
    }
    if (!this.#closed) this.#problems.push("it does not end");
    return [...this.#problems, ...this.#audit.problems, ...this.#verdict()];
  }

  // ---- what is done

  #act(round: number): void {
    const { messages, commands, quitAt, destroyedAt } = this.#script;
    messages.forEach((script, i) => {
      if (script.queuedAt === round) this.#queue(script, i);
      if (script.abortedAt === round) {
        this.#audit.note(`abort m${i}`);
        this.#messages.find(({ index }) => index === i)?.abort.abort();
      }
    });
    for (const { call, at } of commands) {
      if (at !== round) continue;
      if (call === "flush") this.#flush();
      else this.#call(() => this.#session[call]());
    }
    if (quitAt === round) this.#call(() => this.#session.quit());
    if (destroyedAt === round) {
      this.#audit.note("destroy()");
      this.#session.destroy();
    }
  }

  #queue(script: SessionMessage, index: number): void {
    const abort = new AbortController();
    const id = `m${index}`;
    const late = this.#closed;
    const queued: Queued = {
      id,
      script,
      index,
      abort,
      late,
      told: [],
      ended: undefined,
      delivery: undefined,
    };
    this.#messages.push(queued);
    const octets = Buffer.byteLength(wholeText(script), "utf8");
    const size = script.size === "wrong" ? octets + 1_000 : octets;
    const message: Message = {
      id,
      from: senderOf(index, script.from),
      to: script.to.map((kind, r) => addressOf(index, r, kind)),
      data: this.#data(script),
      requireAllRecipients: script.requireAll,
      signal: abort.signal,
      ...(script.size !== "undeclared" && { size }),
      ...(script.body !== undefined && { body: script.body }),
    };
    this.#audit.note(`pipeline(${id})`);
    this.#call(async () => {
      queued.delivery = await this.#session.pipeline(message);
      if (late) return;
      if (queued.ended === undefined) this.#problems.push(`${id}: its promise came before messageEnd`);
      if (queued.ended !== queued.delivery) this.#problems.push(`${id}: messageEnd and its promise differ`);
    });
  }

  #data(script: SessionMessage): MessageData {
    const { form } = script;
    const text = wholeText(script);
    switch (form) {
      case "string":
        return text;
      case "bytes":
        return Buffer.from(text, "utf8");
      case "stream":
        return Readable.from(this.#pieces(script));
      case "iterable":
        return this.#pieces(script);
      case "function":
        return () => this.#pieces(script);
      case "late function":
        return async () => {
          await immediate();
          this.#stirred = true;
          return this.#pieces(script);
        };
    }
  }

  /** Text and octets in turn, one round of the event loop apart. */
  async *#pieces(script: SessionMessage): AsyncGenerator<string | Uint8Array, void, undefined> {
    const { pieces, fault, slow } = script;
    const text = wholeText(script);
    const size = Math.ceil(text.length / pieces);
    for (let i = 0; i < pieces; i++) {
      await immediate();
      if (slow && i > 0) await pause();
      this.#stirred = true;
      if (fault?.behind === i && fault.kind === "throws") throw new Error("the source failed");
      if (fault?.behind === i) await new Promise(() => undefined);
      const piece = text.slice(i * size, (i + 1) * size);
      const splits = /[\ud800-\udbff]$|^[\udc00-\udfff]/.test(piece);
      yield i % 2 === 0 || splits ? piece : Buffer.from(piece, "utf8");
    }
  }

  #flush(): void {
    this.#call(async () => {
      this.#flushes.push(await this.#session.flush());
    });
  }

  /** Calls what returns a promise, and waits for it. */
  #call(call: () => Promise<unknown>): void {
    this.#pending++;
    this.#stirred = true;
    const settled = (): void => {
      this.#pending--;
      this.#stirred = true;
    };
    call().then(settled, (error) => {
      settled();
      if (error instanceof TypeError) this.#problems.push(String(error));
    });
  }

  // ---- the server

  async #connect(): Promise<Duplex> {
    const { connects, segments, cut, deafBehind } = this.#script;
    await immediate();
    this.#stirred = true;
    if (!connects) throw new Error("refused");
    const stirred = (): void => {
      this.#stirred = true;
    };
    const { client, server } = duplexPair({ segments, cut, deafBehind, tap: this.#audit, stirred });
    const model = this.#model;
    let timer: NodeJS.Timeout | undefined;
    const turn = (): void => {
      stirred();
      const said = model.take();
      if (said !== "" && !server.destroyed) server.write(Buffer.from(said, "latin1"));
      if (model.closed && !server.writableEnded) server.end();
      clearTimeout(timer);
      const { busyUntil } = model;
      if (busyUntil === undefined) return;
      timer = setTimeout(
        () => {
          model.run(performance.now());
          turn();
        },
        Math.max(busyUntil - performance.now(), 0),
      );
    };
    server.on("data", (octets: Buffer) => {
      model.receive(octets.toString("latin1"), performance.now());
      turn();
    });
    server.on("end", () => {
      model.leave();
      turn();
    });
    model.run(performance.now());
    turn();
    return client;
  }

  // ---- what it tells

  #listen(): void {
    const session = this.#session;
    const find = (id: string): Queued | undefined => this.#messages.find((each) => each.id === id);
    const stir = (event: string): void => {
      this.#stirred = true;
      if (this.#closed) this.#problems.push(`${event} after close`);
    };
    const told = (status: RecipientResult["status"]) => {
      return ({ messageId, address }: { messageId: string; address: string }): void => {
        stir(status);
        const message = find(messageId);
        if (message?.ended !== undefined)
          this.#problems.push(`${messageId}: ${address} told after messageEnd`);
        message?.told.push(status);
      };
    };
    session.on("messageQueued", () => stir("messageQueued"));
    session.on("messageStart", () => stir("messageStart"));
    session.on("sent", () => stir("sent"));
    session.on("reply", () => stir("reply"));
    session.on("recipientSucceeded", told("succeeded"));
    session.on("recipientFailed", told("failed"));
    session.on("recipientUnknown", told("unknown"));
    session.on("messageEnd", ({ delivery }) => {
      stir("messageEnd");
      const message = find(delivery.id);
      if (message === undefined || message.ended !== undefined)
        this.#problems.push(`messageEnd ${delivery.id}`);
      else message.ended = delivery;
      this.#audit.note(`${delivery.id} is over`);
    });
    session.on("groupStart", ({ groupId }) => {
      stir("groupStart");
      if (this.#groups.push(groupId) !== groupId) this.#problems.push(`group ${groupId} out of order`);
    });
    session.on("groupEnd", ({ group }) => {
      stir("groupEnd");
      if (++this.#groupsEnded !== group.id) this.#problems.push(`group ${group.id} ends out of order`);
      this.#problems.push(...judgeGroup(group));
    });
    session.on("warning", ({ code }) => {
      stir("warning");
      this.#audit.note(code);
    });
    session.on("error", ({ error }) => {
      stir("error");
      this.#audit.note(`${error.code}: ${error.message}`);
    });
    session.on("close", ({ reason }) => {
      stir("close");
      this.#closed = true;
      this.#audit.note(`close: ${reason}`);
    });
  }

  #recall(facts: PeerFacts | undefined): PeerFacts | undefined {
    if (facts !== undefined) this.#audit.recalls(facts);
    return facts;
  }

  #meddle(): void {
    const { meddling, messages } = this.#script;
    if (meddling === undefined) return;
    let times = 0;
    this.#session.on(meddling.on, (): Promise<void> | undefined => {
      if (times++ !== meddling.nth) return undefined;
      this.#audit.note(`a listener of ${meddling.on}: ${meddling.does}`);
      switch (meddling.does) {
        case "throw":
          throw new Error("a listener failed");
        case "reject":
          return Promise.reject(new Error("a listener failed"));
        case "destroy":
          this.#session.destroy();
          break;
        case "pipeline":
          this.#queue(PLAIN, messages.length);
          break;
        case "abort":
          for (const { abort } of this.#messages) abort.abort();
          break;
        case "quit":
        case "noop": {
          const { does } = meddling;
          this.#call(() => this.#session[does]());
        }
      }
      return undefined;
    });
  }

  #verdict(): string[] {
    const problems: string[] = [];
    const judged: Judged[] = this.#messages.map(({ id, script, index, late, told, delivery }) => {
      if (delivery === undefined) problems.push(`${id} is pending for ever`);
      const results = delivery?.recipients ?? [];
      if (
        !late &&
        told.toSorted().join() !==
          results
            .map(({ status }) => status)
            .toSorted()
            .join()
      ) {
        problems.push(`${id}: told ${told.join(" ")} of ${results.map(({ status }) => status).join(" ")}`);
      }
      const listed = [
        ...(delivery?.succeeded ?? []),
        ...(delivery?.failed ?? []),
        ...(delivery?.unknown ?? []),
      ];
      if (
        listed.length !== results.length ||
        results.some((each) => !listed.some((other) => other === each))
      ) {
        problems.push(`${id}: the three lists do not hold its recipients once each`);
      }
      if (delivery !== undefined && delivery.ok !== (delivery.succeeded.length === script.to.length)) {
        problems.push(`${id}: ok is ${delivery.ok}`);
      }
      const text = isWhole(script, this.#script.lineEndings) ? utf8(wholeText(script)) : undefined;
      const addresses = script.to.map((kind, r) => addressOf(index, r, kind));
      return {
        id,
        from: senderOf(index, script.from),
        addresses,
        text,
        results,
        requireAll: script.requireAll,
      };
    });
    if (this.#groupsEnded !== this.#groups.length) problems.push("a group did not end");
    if (this.#session.pending !== 0) problems.push(`${this.#session.pending} messages are pending`);
    const counted = this.#flushes.reduce((sum, { messages }) => sum + messages, 0);
    if (counted > this.#messages.length) problems.push(`flush() counted ${counted} messages`);
    const { accepted, leaked } = this.#model;
    this.#audit.end();
    const { ended, excused, refusedEarly } = this.#audit;
    const honest = isHonest(this.#script.server) && !misleads(this.#script);
    const leaks = leaked.filter((line) => line !== "XPRB"); // the probe's, which is there to leak
    if (honest && leaks.length > 0) problems.push(`texts were run as commands: ${JSON.stringify(leaks)}`);
    const { lmtp } = this.#script.server;
    return [...problems, ...judge(judged, { accepted, ended, excused, refusedEarly, honest, lmtp })];
  }
}

/** Whether the text of a message can be had whole, and is what was declared of it. */
export function isWhole(script: SessionMessage, lineEndings: LineEndings): boolean {
  const { form, fault, pieces, size } = script;
  const source = form !== "string" && form !== "bytes";
  if (source && fault !== undefined && fault.behind < pieces) return false;
  if (script.body === "7BIT" && /[^\0-\x7f]/.test(wholeText(script))) return false;
  return size !== "wrong" && !(lineEndings === "reject" && /(^|[^\r])\n|\r(?!\n)/.test(wholeText(script)));
}

/** Longer than a session waits for company for the octets of a stream. */
function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 1_500);
  });
}

function wholeText({ text, times }: SessionMessage): string {
  return text.repeat(times);
}

function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
