import type { ChunkingMode } from "../../src/pipeline/chunking.ts";
import type { RecipientResult } from "../../src/pipeline/fate.ts";
import type { CommandGroup } from "../../src/pipeline/group.ts";
import type { OrdinaryCommand, PipelineObserver } from "../../src/pipeline/observer.ts";
import type { PeerFacts } from "../../src/pipeline/peer.ts";
import { Pipeline, type PipeliningMode } from "../../src/pipeline/pipeline.ts";
import { eightBitAllowed, Transaction } from "../../src/pipeline/transaction.ts";
import { SmtpError } from "../../src/protocol/errors.ts";
import { LIMITS, TIMEOUTS, WINDOW } from "../../src/protocol/limits.ts";
import { ReplyParser } from "../../src/protocol/reply.ts";
import { CanonicalText } from "../../src/protocol/text.ts";
import { type Judged, judge } from "./judge.ts";
import { isHonest, ModelServer, type ServerScript } from "./model-server.ts";
import { addressOf, type Cut, misleads, type RecipientKind, type SenderKind, senderOf } from "./scripts.ts";
import { WireAudit } from "./wire-audit.ts";

/** A message, and what is done to it when: steps count from the beginning of the conversation. */
export interface MessageScript {
  readonly from: SenderKind;
  readonly to: readonly RecipientKind[];
  readonly text: string;
  /** Written in so many blocks, one a step; 1: at once. */
  readonly blocks: number;
  /** How many steps it takes to open its source. 0: it is in memory. */
  readonly opening: number;
  /** Its source fails: when it is opened (0) or behind so many blocks; undefined: it does not. */
  readonly failsAfter: number | undefined;
  readonly requireAll: boolean;
  readonly queuedAt: number;
  readonly abortedAt: number | undefined;
}

export interface ConversationScript {
  readonly pipelining: PipeliningMode;
  /** Default `"off"`. */
  readonly chunking?: ChunkingMode | undefined;
  readonly server: ServerScript;
  readonly messages: readonly MessageScript[];
  /** Ordinary commands, by the step at which they are asked for. */
  readonly commands: readonly { readonly line: "NOOP" | "RSET" | "HELP"; readonly at: number }[];
  readonly groupCommands: number;
  readonly quitAt: number | undefined;
  readonly destroyedAt: number | undefined;
  readonly segments: readonly number[];
  readonly cut: Cut | undefined;
}

const STEPS = 20_000;

interface Entry {
  readonly script: MessageScript;
  readonly transaction: Transaction;
  openedAt: number | undefined;
}

interface Stream {
  readonly entry: Entry;
  readonly transform: CanonicalText;
  block: number;
  /** Octets that are not announced yet: of a stream that goes in chunks. */
  held: string;
  /** It waits for the reply to a chunk. */
  stalled: boolean;
}

/** Runs a conversation of a pipeline with a model server, in virtual time. */
export class Conversation {
  readonly #script: ConversationScript;
  readonly #audit: WireAudit;
  readonly #server: ModelServer;
  readonly #pipeline: Pipeline;
  readonly #parser: ReplyParser;
  readonly #entries: Entry[] = [];
  readonly #problems: string[] = [];
  readonly #results = new Map<Transaction, RecipientResult[]>();
  readonly #ended = new Set<Transaction>();
  readonly #begun: number[] = [];
  readonly #groups: CommandGroup[] = [];
  readonly #commands = new Map<OrdinaryCommand, number>();
  readonly #segments: number[];
  /** What the next session should know of the server. */
  facts: PeerFacts;
  #stream: Stream | undefined;
  #now = 0;
  #over = 0;
  #failure: SmtpError | undefined;
  #connected = true;
  #toServer = "";
  #toClient = "";
  #moved = { toServer: 0, toClient: 0 };

  constructor(
    script: ConversationScript,
    facts: PeerFacts = { followOn: "unproven", pipelining: true, chunking: "unproven" },
  ) {
    this.#script = script;
    this.facts = facts;
    this.#segments = [...script.segments];
    this.#audit = new WireAudit({
      pipelining: script.pipelining,
      followOn: facts.followOn,
      chunking: script.chunking ?? "off",
      bursts: facts.chunking,
      lmtp: script.server.lmtp,
    });
    this.#server = new ModelServer(script.server);
    const limits = { ...LIMITS, groupCommands: script.groupCommands };
    this.#parser = new ReplyParser(limits);
    this.#pipeline = new Pipeline(
      {
        protocol: script.server.lmtp ? "lmtp" : "smtp",
        pipelining: script.pipelining,
        chunking: script.chunking ?? "off",
        window: WINDOW,
        timeouts: TIMEOUTS,
        limits,
      },
      this.#observer(),
    );
  }

  get transcript(): string {
    return this.#audit.transcript.join("\n");
  }

  get followOns(): number {
    return this.#audit.followOns;
  }

  get bursts(): number {
    return this.#audit.bursts;
  }

  /** The fates, message by message. */
  get results(): readonly (readonly RecipientResult[])[] {
    return this.#entries.map(({ transaction }) => settled(transaction));
  }

  get failure(): SmtpError | undefined {
    return this.#failure;
  }

  /** Runs to the end. Returns what was wrong. */
  run(): string[] {
    const plan = {
      name: "client.example.org",
      tls: "off",
      authenticate: false,
      allowInsecureAuth: false,
    } as const;
    this.#pipeline.start({ ...plan, xclient: undefined }, this.#now);
    this.#server.run(this.#now);
    for (let step = 0; this.#over === 0; step++) {
      if (step > STEPS) return [...this.#problems, ...this.#audit.problems, "the conversation does not end"];
      this.#now++;
      const acted = this.#act(step);
      const wrote = this.#pump(step);
      const moved = this.#move();
      if (!acted && !wrote && !moved && !this.#over && !this.#wait(step)) break;
    }
    this.#server.leave();
    return [...this.#problems, ...this.#audit.problems, ...this.#verdict()];
  }

  // ---- the client's shell

  #act(step: number): boolean {
    const { messages, commands, quitAt, destroyedAt } = this.#script;
    let acted = false;
    messages.forEach((script, i) => {
      if (script.queuedAt === step && !this.#quitting(step)) {
        acted = true;
        this.#enqueue(script, i);
      }
      if (script.abortedAt === step) this.#abort(i);
    });
    for (const { line, at } of commands) {
      if (at !== step || this.#quitting(step)) continue;
      acted = true;
      const command = { command: line, line };
      this.#commands.set(command, 0);
      this.#pipeline.enqueueCommand(command);
    }
    if (quitAt === step) this.#pipeline.quit();
    if (destroyedAt === step) {
      this.#audit.note("destroy()");
      this.#pipeline.fail(new SmtpError("ESMTP_DESTROYED", "destroyed"), "aborted", this.#now);
    }
    return acted;
  }

  #quitting(step: number): boolean {
    return this.#script.quitAt !== undefined && step >= this.#script.quitAt;
  }

  #enqueue(script: MessageScript, i: number): void {
    const { text, opening, requireAll } = script;
    const inMemory = opening === 0;
    const transaction = new Transaction({
      id: `m${i}`,
      seq: i + 1,
      from: senderOf(i, script.from),
      recipients: script.to.map((kind, r) => ({ address: addressOf(i, r, kind) })),
      text: inMemory ? { size: sizeOf(text), eightBit: /[\x80-\xff]/.test(text), whole: true } : {},
      requireAllRecipients: requireAll,
      rereadable: true,
      parameters: {},
      queuedAt: this.#now,
    });
    transaction.ready = inMemory;
    this.#entries.push({ script, transaction, openedAt: undefined });
    this.#results.set(transaction, []);
    this.#audit.note(`pipeline(m${i})`);
    this.#pipeline.enqueue(transaction, this.#now);
  }

  #abort(i: number): void {
    const transaction = this.#entries.find(({ transaction: { id } }) => id === `m${i}`)?.transaction;
    if (transaction === undefined) return;
    this.#audit.note(`abort(m${i})`);
    this.#pipeline.abort(transaction, new SmtpError("ESMTP_ABORTED", "aborted"), this.#now);
  }

  /** Writes what is due, as the session's writer does. */
  #pump(step: number): boolean {
    this.#prepare(step);
    let octets = "";
    for (;;) {
      if (this.#stream !== undefined) {
        octets += this.#writeBlock(this.#stream);
        if (this.#stream !== undefined) break;
      }
      const due = this.#pipeline.next(this.#now);
      if (due === undefined) break;
      if (typeof due === "string") octets += latin1(Buffer.from(due, "utf8"));
      else {
        const entry = this.#entries.find(({ transaction }) => transaction === due);
        if (entry === undefined) throw new Error("a text of no message");
        this.#stream = {
          entry,
          transform: new CanonicalText("normalize", due.form === "data"),
          block: 0,
          held: "",
          stalled: false,
        };
      }
    }
    if (this.#stream === undefined) this.#pipeline.turnOver(this.#now);
    this.#prepare(step);
    this.#audit.sent(octets);
    this.#toServer += octets;
    return octets !== "" || (this.#stream?.stalled === false && this.#over === 0);
  }

  #prepare(step: number): void {
    const [upcoming] = this.#pipeline.upcoming(1);
    const entry = this.#entries.find(({ transaction }) => transaction === upcoming);
    if (upcoming === undefined || entry === undefined) return;
    entry.openedAt ??= step + entry.script.opening;
    if (step < entry.openedAt) return;
    if (entry.script.failsAfter === 0) this.#pipeline.failText(upcoming, sourceFailed(), this.#now);
    else upcoming.ready = true;
  }

  #writeBlock(stream: Stream): string {
    const { entry, transform } = stream;
    const { transaction, script } = entry;
    if (!this.#pipeline.writingText(transaction)) {
      this.#stream = undefined;
      return "";
    }
    const { blocks, text, failsAfter } = script;
    // A text in memory is one chunk, announced before its first block; every second block of a stream is one: so some
    // chunks have several, and LAST may be empty.
    const whole = transaction.form !== "data" && script.opening === 0;
    const chunks = transaction.form !== "data" && !whole;
    stream.stalled = (chunks || (whole && stream.block === 0)) && !this.#pipeline.mayAnnounce;
    if (stream.stalled) return "";
    const size = Math.ceil(text.length / blocks);
    const block = text.slice(stream.block * size, (stream.block + 1) * size);
    let line = whole && stream.block === 0 ? this.#announce(transaction, sizeOf(text), true) : "";
    stream.held += latin1(transform.push(Buffer.from(block, "latin1")));
    const undeclared = transform.eightBit && !eightBitAllowed(transaction.text, this.#pipeline.capabilities);
    if (undeclared || (script.opening > 0 && failsAfter === stream.block)) {
      this.#stream = undefined;
      this.#pipeline.failText(transaction, sourceFailed(), this.#now);
      return "";
    }
    stream.block++;
    // What completes a chunk with LAST leaves together with the end of the text.
    const last = stream.block >= blocks || (whole && transform.size === sizeOf(text));
    if (last) stream.held += latin1(transform.end());
    if (chunks && !last && stream.block % 2 === 1) return "";
    const octets = stream.held;
    stream.held = "";
    if (chunks) {
      try {
        line = this.#announce(transaction, octets.length, last);
      } catch (error) {
        this.#stream = undefined;
        this.#pipeline.failText(transaction, error as SmtpError, this.#now);
        return "";
      }
    }
    this.#pipeline.textWritten(octets.length, this.#now);
    if (!last) return line + octets;
    this.#stream = undefined;
    return line + octets + this.#pipeline.endText(transaction, this.#now);
  }

  #announce(transaction: Transaction, octets: number, last: boolean): string {
    return this.#pipeline.announce(transaction, octets, last, this.#now);
  }

  // ---- the wire

  #move(): boolean {
    if (!this.#connected) return false;
    const before = this.#toServer.length;
    const outward = this.#take("toServer", this.#toServer, this.#segments.shift());
    this.#toServer = this.#toServer.slice(outward.length);
    if (before > 0 && this.#toServer === "") this.#pipeline.flushed(this.#now);
    if (outward !== "") this.#server.receive(outward, this.#now);
    this.#server.run(this.#now);
    this.#toClient += this.#server.take();
    const cutNow = this.#cut("toServer");
    if (cutNow) this.#server.leave();
    if ((cutNow && this.#script.cut?.lossy) || (this.#server.closed && this.#script.cut?.lossy))
      this.#toClient = "";
    const inward = this.#take("toClient", this.#toClient, this.#segments.shift());
    this.#toClient = this.#toClient.slice(inward.length);
    if (inward !== "") this.#receive(inward);
    if (this.#cut("toClient") || (this.#server.closed && this.#toClient === "")) {
      this.#connected = false;
      this.#server.leave();
      this.#audit.note("the connection ends");
      this.#pipeline.disconnected(this.#now);
      return true;
    }
    return outward !== "" || inward !== "";
  }

  #take(way: Cut["way"], octets: string, segment: number | undefined): string {
    const { cut } = this.#script;
    let most = segment === undefined || segment === 0 ? octets.length : segment;
    if (cut?.way === way) most = Math.min(most, cut.octets - this.#moved[way]);
    const taken = octets.slice(0, most);
    this.#moved[way] += taken.length;
    return taken;
  }

  #cut(way: Cut["way"]): boolean {
    const { cut } = this.#script;
    return cut?.way === way && this.#moved[way] >= cut.octets;
  }

  #receive(octets: string): void {
    this.#audit.received(octets);
    try {
      for (const reply of this.#parser.push(Buffer.from(octets, "latin1"))) {
        this.#pipeline.receive(reply, this.#now);
      }
    } catch (error) {
      if (!(error instanceof SmtpError)) throw error;
      this.#pipeline.protocolError(error, this.#now);
    }
  }

  /** Nothing moves: time passes, or it is over. Returns false if nothing can happen any more. */
  #wait(step: number): boolean {
    const { messages, commands, quitAt, destroyedAt } = this.#script;
    const steps = [
      ...messages.flatMap(({ queuedAt, abortedAt }) => [queuedAt, abortedAt ?? 0]),
      ...commands.map(({ at }) => at),
      quitAt ?? 0,
      destroyedAt ?? 0,
    ];
    const opening = this.#entries.some(({ openedAt }) => openedAt !== undefined && openedAt > step);
    if (opening || steps.some((at) => at > step)) return true;
    const deadline = this.#pipeline.deadline ?? Number.POSITIVE_INFINITY;
    const next = Math.min(deadline, this.#server.busyUntil ?? Number.POSITIVE_INFINITY);
    if (next !== Number.POSITIVE_INFINITY) {
      if (next > this.#now) this.#audit.note(`${next - this.#now} ms pass`);
      this.#now = Math.max(this.#now, next);
      this.#server.run(this.#now);
      if (this.#now >= deadline) this.#pipeline.expire(this.#now);
      return true;
    }
    if (this.#pipeline.idle) {
      this.#pipeline.quit();
      return true;
    }
    this.#problems.push("stuck: nothing is waited for, and it is not over");
    return false;
  }

  // ---- what it was told

  #observer(): PipelineObserver {
    const problem = (what: string): void => {
      this.#problems.push(what);
    };
    return {
      recall: () => this.facts,
      ready: () => undefined,
      warned: () => undefined,
      needs: () => undefined,
      earlyUnfit: () => undefined,
      again: () => undefined,
      learnt: (facts, warning) => {
        this.facts = facts;
        this.#audit.note(`learnt ${JSON.stringify(facts)} ${warning?.code ?? ""}`);
      },
      groupStart: ({ id }) => {
        if (id !== this.#begun.length + 1) problem(`group ${id} begins behind ${this.#begun.length}`);
        this.#begun.push(id);
      },
      groupEnd: (group) => {
        const ended = group.toCommandGroup();
        if (ended.id !== this.#groups.length + 1)
          problem(`group ${ended.id} ends behind ${this.#groups.length}`);
        this.#groups.push(ended);
      },
      sent: ({ line }) => {
        if (!LINE.test(line)) problem(`sent: ${JSON.stringify(line)}`);
      },
      replied: () => undefined,
      transactionStart: () => undefined,
      recipientAccepted: (transaction, { address }) => {
        if (this.#ended.has(transaction)) problem(`${transaction.id}: ${address} accepted after its end`);
      },
      recipientSettled: (transaction, result) => {
        if (this.#ended.has(transaction))
          problem(`${transaction.id}: ${result.address} settled after its end`);
        this.#results.get(transaction)?.push(result);
      },
      transactionEnd: (transaction) => {
        this.#audit.note(`${transaction.id} is over`);
        if (this.#ended.has(transaction)) problem(`${transaction.id} ended twice`);
        this.#ended.add(transaction);
      },
      commandEnd: (command) => {
        this.#commands.set(command, (this.#commands.get(command) ?? 0) + 1);
      },
      failed: (error) => {
        this.#failure = error;
        this.#end(error.message);
      },
      finished: () => this.#end("finished"),
    };
  }

  #end(why: string): void {
    this.#audit.note(`over: ${why}`);
    if (++this.#over > 1) this.#problems.push("ended twice");
  }

  #verdict(): string[] {
    const problems: string[] = [];
    const judged: Judged[] = this.#entries.map(({ transaction, script }) => {
      const { id, from, recipients } = transaction;
      if (!this.#ended.has(transaction)) problems.push(`${id} is pending for ever`);
      const told = this.#results.get(transaction) ?? [];
      const results = settled(transaction);
      if (told.length !== results.length || results.some((result) => !told.includes(result))) {
        problems.push(`${id}: told ${told.length} fates of ${results.length}`);
      }
      const fails =
        script.opening > 0 && script.failsAfter !== undefined && script.failsAfter < script.blocks;
      const text = fails ? undefined : script.text;
      return {
        id,
        from,
        addresses: recipients.map(({ address }) => address),
        text,
        results,
        requireAll: script.requireAll,
      };
    });
    for (const [{ line }, times] of this.#commands) {
      if (times !== 1) problems.push(`${line} ended ${times} times`);
    }
    if (this.#groups.length !== this.#begun.length) problems.push("a group did not end");
    problems.push(...this.#groups.flatMap(judgeGroup));
    this.#audit.end();
    const { ended, excused, refusedEarly } = this.#audit;
    const { accepted, leaked } = this.#server;
    const { lmtp } = this.#script.server;
    const honest = isHonest(this.#script.server) && !misleads(this.#script);
    const leaks = leaked.filter((line) => line !== "XPRB"); // the probe's, which is there to leak
    if (honest && leaks.length > 0) problems.push(`texts were run as commands: ${JSON.stringify(leaks)}`);
    return [...problems, ...judge(judged, { accepted, ended, excused, refusedEarly, honest, lmtp })];
  }
}

const LINE =
  /^(?:|\.|(?:EHLO|HELO|LHLO) client\.example\.org|MAIL FROM:<(?:s\d+\u00e9?@example\.org)?>(?: SIZE=\d+)?(?: BODY=(?:7BIT|8BITMIME|BINARYMIME))?(?: SMTPUTF8)?|RCPT TO:<m\d+r\d+\u00e9?@example\.org>|DATA|BDAT \d+(?: LAST)?|RSET|NOOP|HELP|QUIT)$/;

/** `sent`, `codes` and `messages` go together, and nothing of a text is in them. */
export function judgeGroup({ id, sent, codes, messages, exchanges }: CommandGroup): string[] {
  const problems: string[] = [];
  if (sent.length !== codes.length || sent.length !== messages.length || sent.length !== exchanges.length) {
    problems.push(`group ${id}: ${sent.length} sent, ${codes.length} codes, ${messages.length} messages`);
  }
  for (const line of sent) if (!LINE.test(line)) problems.push(`group ${id}: sent ${JSON.stringify(line)}`);
  return problems;
}

function settled({ recipients }: Transaction): RecipientResult[] {
  return recipients.map(({ result }) => result).filter((result) => result !== undefined);
}

function sizeOf(text: string): number {
  const transform = new CanonicalText("normalize", false);
  transform.push(Buffer.from(text, "latin1"));
  transform.end();
  return transform.size;
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets).toString("latin1");
}

function sourceFailed(): SmtpError {
  return new SmtpError("ESMTP_SOURCE_FAILED", "the source failed");
}
