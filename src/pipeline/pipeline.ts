import {
  type Capabilities,
  garbledGreeting,
  type ServerLimits,
  serverLimits,
  storesFollowOn,
} from "../protocol/capabilities.ts";
import { type Command, mailLine } from "../protocol/command.ts";
import { SmtpError } from "../protocol/errors.ts";
import {
  type Limits,
  TEXT_BLOCK_OCTETS,
  type Timeouts,
  UNPROVEN_FOLLOW_ON_OCTETS,
} from "../protocol/limits.ts";
import { type Reply, replyClass, shown } from "../protocol/reply.ts";
import {
  type Asking,
  type HandshakeAnswer,
  type HandshakeCommand,
  redacted,
  redactedError,
} from "./asking.ts";
import { alike, Chunking, type ChunkingOptions, PROBE_TEXT } from "./chunking.ts";
import { type EarlyGroup, envelopeLines, mayLeaveEarly, stands } from "./early.ts";
import {
  needsUtf8,
  OPTIONAL,
  pathFor,
  type TlsState,
  unsupported,
  unsupportedAddress,
} from "./extensions.ts";
import { failed, type RecipientResult, refused, unknown } from "./fate.ts";
import { Fifo } from "./fifo.ts";
import type { Entry, Group, PendingExchange } from "./group.ts";
import { type Handshake, type HandshakePlan, handshake, type Protocol } from "./handshake.ts";
import { HangUp } from "./hang-up.ts";
import { Ledger } from "./ledger.ts";
import type { CloseReason, OrdinaryCommand, PeerWarningCode, PipelineObserver } from "./observer.ts";
import { Trust } from "./peer.ts";
import * as rules from "./rules.ts";
import { Settlement } from "./settlement.ts";
import { envelopeOctets, mailCommand, rcptCommand, Transaction } from "./transaction.ts";

// The SMTP conversation of one connection as a state machine without I/O, clock or emitter.
//
// Three places hold everything:
//
//   #queue    what was asked for and not begun: transactions and ordinary commands, in order
//   #current  the one transaction whose envelope or text is being written
//   #ledger   the commands that were written and not answered, in order: replies come in that order
//
// The shell pulls octets out with next(), tells of a text with textWritten() and endText(), and puts replies
// in with receive(). A transaction moves
//
//   queued --MAIL--> envelope --354--> go --> text --"."--> terminated --reply--> over
//      ^                |
//      +---- rewind ----+   (a server that does not mean PIPELINING did nothing of it)
//
// LMTP differs in four places: LHLO opens it; nothing stands behind a "."; that is owed one reply for each accepted
// recipient, which decides that recipient's fate; and a 354 without any accepted recipient ends the session.
//
// What may be written when is said in one place, #due(); what a reply means, in #act(); what becomes of
// everything when the connection is over, in fail(). Time comes in as an argument, epoch milliseconds.

/** Whether groups may span messages, stay within one, or hold one command each. */
export type PipeliningMode = "auto" | "transaction" | "off";

export interface PipelineOptions extends ChunkingOptions {
  readonly protocol: Protocol;
  readonly pipelining: PipeliningMode;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
}

/** What may be written next. */
type Due =
  | { readonly kind: "handshake"; readonly step: HandshakeCommand }
  | { readonly kind: "marker" | "quit" | "early" }
  | { readonly kind: "command"; readonly item: OrdinaryCommand }
  | { readonly kind: "begin"; readonly transaction: Transaction; readonly followOn: boolean }
  | { readonly kind: "text"; readonly transaction: Transaction }
  | { readonly kind: "reset"; readonly transaction: Transaction | undefined }
  | {
      readonly kind: "probe" | "mail" | "rcpt" | "data" | "loneDot";
      readonly transaction: Transaction;
    };

/** The commands of the handshake, and what comes before them. */
const HANDSHAKE: ReadonlySet<Command> = new Set([
  "greeting",
  "EHLO",
  "HELO",
  "LHLO",
  "STARTTLS",
  "XCLIENT",
  "AUTH",
]);

/** What was written behind the end of a text whose reply was still owed. */
interface FollowOn {
  /** Whose envelope it is; undefined: a RSET alone. */
  readonly transaction: Transaction | undefined;
  /** The RSET that leads it; undefined until it is written. */
  reset?: PendingExchange | undefined;
  /** That RSET was answered 503: nothing counts until all replies have been read. */
  refused: boolean;
}

const NOBODY: readonly number[] = [];
const NOTHING: Capabilities = new Map();

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #observer: PipelineObserver;
  readonly #ledger: Ledger;
  readonly #fates: Settlement;
  readonly #trust: Trust;
  readonly #chunking: Chunking;
  readonly #hangUp = new HangUp();
  readonly #queue = new Fifo<Transaction | OrdinaryCommand>();

  #phase: "idle" | "handshake" | "upgrading" | "asking" | "open" | "over" = "idle";
  #capabilities: Capabilities = NOTHING;
  /** The server has said them to this connection. */
  #offered = false;
  #quitting = false;

  #name = "";
  #handshake: Asking<Handshake> | undefined;
  #step: HandshakeCommand | undefined;
  #askedAt = 0;
  /** What replies must not show of what was sent. */
  #secrets: readonly string[] = [];
  #command: OrdinaryCommand | undefined;
  #current: Transaction | undefined;
  #text: Transaction | undefined;

  /** RSET leads the next envelope: a transaction may be open at the server. */
  #resetOwed = false;
  /** A text went in chunks: RSET comes before anything else, RFC 3030 §2. */
  #resetDue = false;
  /** The first message's envelope leaves with the connection. */
  #earlyDue = false;
  #early: EarlyGroup | undefined;
  /** The write that holds a "." is still being composed. */
  #sameWrite = false;
  #loneDot: PendingExchange | undefined;
  #followOn: FollowOn | undefined;
  #marker: PendingExchange | undefined;
  #markerDue = false;
  /** Whose text was written to its end, and not decided: oldest first. */
  readonly #terminated = new Set<Transaction>();
  /** The server closed the connection as it had said: what lay behind that reply was not processed. */
  #hungUp = false;
  /** What the server takes: as it says, and as its refusals taught. */
  #limits: ServerLimits = serverLimits(new Map());
  /** MAIL commands written. */
  #mails = 0;
  #tls: TlsState = "none";
  /** The extensions that messages had to go without. */
  readonly #missed = new Set<string>();

  constructor(options: PipelineOptions, observer: PipelineObserver) {
    this.#options = options;
    this.#observer = observer;
    this.#ledger = new Ledger(observer, options.limits.groupCommands);
    this.#fates = new Settlement(observer);
    this.#trust = new Trust(observer);
    this.#chunking = new Chunking(options, this.#trust);
  }

  /** What the server offers; nothing before it has said so, whatever it offered to an earlier connection. */
  get capabilities(): Capabilities {
    return this.#offered ? this.#capabilities : NOTHING;
  }

  /** The most recently completed group. */
  get lastGroup(): Group | undefined {
    return this.#ledger.lastGroup;
  }

  /** How many replies are owed. */
  get owed(): number {
    return this.#ledger.owed;
  }

  /** Whether messages go in bursts, as many at once as the window allows. */
  get bursts(): boolean {
    return this.#chunking.bursts(this.#capabilities, this.#pipelining);
  }

  /** Nothing is queued, being written or owed. */
  get idle(): boolean {
    return (
      this.#phase === "open" &&
      this.#ledger.owed === 0 &&
      this.#current === undefined &&
      this.#head() === undefined
    );
  }

  /** TLS was asked for and does not stand yet: whatever the server says now was not said under it. */
  get upgrading(): boolean {
    return this.#phase === "upgrading";
  }

  /** TLS stands, with the server's certificate verified or not: to be said before `start()` or `answered()`. */
  secured(verified: boolean): void {
    this.#tls = verified ? "verified" : "unverified";
  }

  /** What the handshake needed from the shell is there: TLS, credentials, a key. */
  answered(answer: Exclude<HandshakeAnswer, Reply>, now: number): void {
    if (this.#phase !== "upgrading" && this.#phase !== "asking") return;
    this.#phase = "handshake";
    this.#advanceHandshake(answer, now);
  }

  /** Octets came in plain text behind the 220 that answers STARTTLS (CVE-2021-38371). */
  injected(now: number): void {
    this.fail(rules.injected(), "error", now);
  }

  /** Whether the text of this transaction is being written: false once the connection is over. */
  writingText(transaction: Transaction): boolean {
    return this.#text === transaction;
  }

  /**
   * The connection stands: the greeting is owed.
   * @param before what the server offered to an earlier connection, if EHLO and the first envelope may leave at once
   */
  start(plan: HandshakePlan, now: number, before?: Capabilities): void {
    this.#phase = "handshake";
    this.#name = plan.name;
    this.#handshake = handshake(plan, this.#options.protocol);
    this.#handshake.next(undefined); // as far as the greeting, which is owed without a command
    this.#ledger.write({ command: "greeting", line: "", octets: 0 }, now);
    const head = this.#head();
    if (before !== undefined && head instanceof Transaction && head.ready) {
      this.#earlyDue = mayLeaveEarly(head, before, this.#tls);
    }
    if (!this.#earlyDue) {
      this.#ledger.close(now);
      return;
    }
    this.#capabilities = before ?? NOTHING;
    this.#limits = serverLimits(this.#capabilities);
  }

  /** Queues a transaction. What of it is unfit to be sent gets its fate here. */
  enqueue(transaction: Transaction, now: number): void {
    this.#fates.invalid(transaction);
    if (this.#fates.settledBeforeSending(transaction)) this.#fates.conclude(transaction, now);
    else this.#queue.push(transaction);
  }

  /** Settles a transaction that came too late: the session is closed, or closes. */
  turnAway(transaction: Transaction, error: SmtpError, now: number): void {
    this.#fates.invalid(transaction);
    this.#fates.failed(transaction, "connection", error);
    this.#fates.conclude(transaction, now);
  }

  enqueueCommand(command: OrdinaryCommand): void {
    this.#queue.push(command);
  }

  /** After everything queued: QUIT. */
  quit(): void {
    this.#quitting = true;
  }

  /** Of the first in the queue those transactions that are still to be made ready. */
  upcoming(most: number): Transaction[] {
    this.#head(); // what is over at its beginning is none of them
    const unready: Transaction[] = [];
    for (let i = 0; i < most && i < this.#queue.length; i++) {
      const item = this.#queue.at(i);
      if (item instanceof Transaction && !item.ready && item.stage === "queued") unready.push(item);
    }
    return unready;
  }

  // ---- writing

  /**
   * What to write now: command lines with their CRLF, or a transaction whose text is to be written,
   * or undefined if something must come first.
   */
  next(now: number): string | Transaction | undefined {
    let lines = "";
    while (lines.length < TEXT_BLOCK_OCTETS) {
      const due = this.#due();
      if (due === undefined) break;
      if (due.kind === "text") {
        if (lines !== "") return lines;
        due.transaction.stage = "text";
        due.transaction.dataWritten = true;
        this.#text = due.transaction;
        this.#ledger.open(now);
        return due.transaction;
      }
      lines += this.#perform(due, now);
    }
    if (lines !== "") return lines;
    if (this.#text === undefined) this.#ledger.close(now);
    return undefined;
  }

  /** Octets of the current text were handed to the socket. */
  textWritten(octets: number, now: number): void {
    if (this.#text === undefined) return;
    this.#text.bytes += octets;
    this.#ledger.wrote(this.#text, octets, now);
  }

  /** Whether a chunk may stand behind what was written: without PIPELINING, and in LMTP, only where all is answered. */
  get mayAnnounce(): boolean {
    return this.#ledger.owed === 0 || (this.#pipelining && this.#options.protocol === "smtp");
  }

  /**
   * The next octets of a text go as a chunk: returns its BDAT, to be written with all of them.
   * @throws SmtpError `ESMTP_SIZE_EXCEEDED` if the text passes what the server takes: see `failText()`
   */
  announce(transaction: Transaction, octets: number, last: boolean, now: number): string {
    const total = transaction.announced + octets;
    // Seen: beyond it a server refuses the chunk and runs its octets as commands.
    if (total > this.#limits.octets) throw rules.tooLarge(total, this.#limits.octets);
    transaction.announced = total;
    transaction.chunks++;
    const line = `BDAT ${octets}${last ? " LAST" : ""}`;
    const bytes = line.length + 2 + octets;
    transaction.chunksOwed += this.#writeEnd({ command: "BDAT", line, transaction, last, bytes }, now);
    return `${line}\r\n`;
  }

  /** The text is complete: returns what ends it, to be written at once. From here on the server may take it. */
  endText(transaction: Transaction, now: number): string {
    this.#text = undefined;
    this.#sameWrite = true;
    if (transaction.form === "data") return this.#terminate(transaction, now);
    transaction.stage = "terminated";
    this.#terminated.add(transaction);
    this.#current = undefined;
    if (transaction.form === "burst") {
      this.#ledger.write({ command: "RSET", line: "RSET", transaction, last: true }, now);
      return "RSET\r\n";
    }
    this.#resetOwed = true;
    this.#resetDue = true;
    return "";
  }

  /**
   * The write that was being composed has been handed to the socket.
   * @param brokenOff there is more, and the socket is full
   */
  turnOver(now: number, brokenOff = false): void {
    this.#sameWrite = false;
    // In bursts there is no reply that one has to wait for: what is handed over in one turn is a group.
    if (this.#text === undefined && this.#chunking.proven && !brokenOff) this.#ledger.close(now);
  }

  /** The socket has no more octets of ours to send: the deadline for the answer to a text runs from here. */
  flushed(now: number): void {
    this.#ledger.flushed(now);
  }

  /** The one place that says what may be written, with the reason at each rule. */
  #due(): Due | undefined {
    if (this.#phase === "over") return undefined;
    if (this.#earlyDue) return { kind: "early" };
    // 354 may be among the replies: then anything would be text.
    if (this.#early?.undone) return undefined;
    if (this.#step !== undefined) return { kind: "handshake", step: this.#step };
    if (this.#phase !== "open") return undefined;
    if (this.#markerDue) return { kind: "marker" };
    // What the marker says decides whether anything is open at the server.
    if (this.#marker !== undefined) return undefined;
    // A server that refuses a follow-on, or may be hanging up, gets nothing more until that is clear.
    if (this.#followOn?.refused || this.#hangUp.reply !== undefined) return undefined;
    // Inside a text there is nothing but text.
    if (this.#text !== undefined) return undefined;
    const last = this.#ledger.newest;
    if (last !== undefined) {
      // Without PIPELINING: one command at a time (RFC 5321 §2.1).
      if (!this.#pipelining) return undefined;
      // RFC 2920 §3.1: these only end a group.
      if (!rules.PIPELINED.has(last.command)) return undefined;
      // A lone dot gets its reply before anything else.
      if (last === this.#loneDot) return undefined;
    }
    return this.#current === undefined ? this.#dueFromQueue(last) : this.#dueInTransaction(this.#current);
  }

  #dueInTransaction(transaction: Transaction): Due | undefined {
    // Aborted in its envelope: it waits for the replies owed, then RSET.
    if (transaction.stage === "over") return undefined;
    if (transaction.stage === "go") {
      return { kind: transaction.deliverable ? "text" : "loneDot", transaction };
    }
    if (transaction.dataWritten) return undefined;
    if (this.#resetOwed) return { kind: "reset", transaction };
    if (!transaction.mailWritten) return { kind: "mail", transaction };
    if (transaction.peekRecipient() !== undefined) return { kind: "rcpt", transaction };
    // All or none, or a text that is sent for nobody who refuses it: those replies come first.
    if (transaction.waits && transaction.unanswered > 0) return undefined;
    return { kind: transaction.form === "data" ? "data" : "text", transaction };
  }

  #dueFromQueue(last: PendingExchange | undefined): Due | undefined {
    const head = this.#head();
    if (this.#resetDue && !(head instanceof Transaction && head.ready)) return this.#dueReset(last);
    if (head === undefined) return this.#quitting && last === undefined ? { kind: "quit" } : undefined;
    // Ordinary commands stand between transactions, each with its reply.
    if (!(head instanceof Transaction)) {
      return last === undefined ? { kind: "command", item: head } : undefined;
    }
    // Behind a 354 a text that can't be had costs the connection: so it is made ready before its envelope goes.
    if (!head.ready) return undefined;
    // RFC 9422 §4.1: a server that has had its number of transactions is left in good order.
    if (this.#mails >= this.#limits.mails) {
      if (this.#resetDue) return this.#dueReset(last);
      return last === undefined ? { kind: "quit" } : undefined;
    }
    if (last === undefined) {
      // Something may be open at the server: were RSET refused, the probe's text would go to its recipients.
      if (this.#probeDue && this.#resetOwed) return { kind: "reset", transaction: undefined };
      if (this.#probeDue) return { kind: "probe", transaction: head };
      return { kind: "begin", transaction: head, followOn: false };
    }
    // In bursts nothing is waited for but room.
    if (last.command === "RSET" && last.last) {
      const room = this.#chunking.proven && this.#formOf(head) === "burst";
      return room && this.#chunking.flight.admits(head.text.size ?? 0)
        ? { kind: "begin", transaction: head, followOn: false }
        : undefined;
    }
    // An ordinary RSET may have others behind it too, but stands alone like every ordinary command.
    if (last.command !== "text" && !last.last) return undefined;
    // One round trip now saves one for each of those that wait.
    if (last.command === "text" && this.#probeDue) return undefined;
    // The end of a text is owed its reply. Behind it stands only what the user and the server allow (LMTP: nothing),
    const mayFollow =
      this.#options.pipelining === "auto" &&
      this.#mayStandBehindText(envelopeOctets(head, this.#capabilities));
    if (mayFollow) return { kind: "begin", transaction: head, followOn: true };
    return this.#resetDue ? this.#dueReset(last) : undefined;
  }

  get #probeDue(): boolean {
    // The probe's MAIL counts too.
    const room = this.#mails + 2 <= this.#limits.mails;
    return room && this.#chunking.probeDue(this.#queue.length, this.#capabilities, this.#pipelining);
  }

  /** RSET without an envelope behind it: at once, where a follow-on could stand. */
  #dueReset(last: PendingExchange | undefined): Due | undefined {
    const behindText = last?.last === true && this.#mayStandBehindText(0);
    return last === undefined || behindText ? { kind: "reset", transaction: undefined } : undefined;
  }

  #mayStandBehindText(octets: number): boolean {
    const { followOn } = this.#trust;
    if (!this.#pipelining || followOn === "unfit") return false;
    // Until the server has proved itself, only what leaves in the very write that holds the text's end, and little.
    return followOn === "proven" || (this.#sameWrite && octets <= UNPROVEN_FOLLOW_ON_OCTETS);
  }

  #formOf(transaction: Transaction): Transaction["form"] {
    return this.#chunking.formOf(transaction, this.#capabilities, this.#pipelining);
  }

  get #pipelining(): boolean {
    return (
      this.#options.pipelining !== "off" && this.#trust.pipelining && this.#capabilities.has("PIPELINING")
    );
  }

  /** The first item of the queue that is not settled: aborted ones are passed over here, not searched for. */
  #head(): Transaction | OrdinaryCommand | undefined {
    for (;;) {
      const head = this.#queue.at(0);
      if (!(head instanceof Transaction) || head.stage !== "over") return head;
      this.#queue.shift();
    }
  }

  #perform(due: Exclude<Due, { kind: "text" }>, now: number): string {
    switch (due.kind) {
      case "handshake":
        this.#step = undefined;
        return this.#handshakeLine(due.step, now);
      case "early":
        this.#earlyDue = false;
        return this.#earlyLines(now);
      case "marker":
        this.#markerDue = false;
        this.#ledger.close(now);
        this.#line("EHLO", `EHLO ${this.#name}`, now);
        this.#marker = this.#ledger.newest;
        return `EHLO ${this.#name}\r\n`;
      case "probe":
        this.#queue.shift();
        return this.#begin(due.transaction, false, now, "probe")
          ? this.#probeLines(due.transaction, now)
          : "";
      case "quit":
        return this.#line("QUIT", "QUIT", now);
      case "command":
        this.#queue.shift();
        this.#command = due.item;
        return this.#line(due.item.command, due.item.line, now);
      case "begin":
        this.#queue.shift();
        this.#begin(due.transaction, due.followOn, now);
        return "";
      case "loneDot":
        // RFC 2920 §3.1: exactly a dot, and its reply is owed like any other.
        this.#terminate(due.transaction, now);
        this.#loneDot = this.#ledger.newest;
        return ".\r\n";
      case "reset":
        return this.#resetLine(due.transaction, now);
      default:
        return this.#envelopeLine(due.kind, due.transaction, now);
    }
  }

  #resetLine(transaction: Transaction | undefined, now: number): string {
    // A RSET that stands alone behind the end of a text is watched as one with an envelope is.
    if (transaction === undefined && this.#ledger.owed > 0) this.#followOn = { transaction, refused: false };
    this.#resetOwed = false;
    this.#resetDue = false;
    this.#line("RSET", "RSET", now, transaction);
    if (this.#followOn !== undefined && this.#followOn.transaction === transaction) {
      this.#followOn.reset = this.#ledger.newest;
    }
    return "RSET\r\n";
  }

  /** @returns whether there is anything of it to be sent */
  #begin(transaction: Transaction, followOn: boolean, now: number, first?: "probe" | "early"): boolean {
    const form = first === "probe" ? "burst" : first === "early" ? "data" : this.#formOf(transaction);
    const lacking = unsupported(transaction, this.#capabilities, this.#tls, form);
    if (lacking !== undefined) this.#fates.failed(transaction, "unsupported", lacking);
    for (const recipient of transaction.recipients) {
      const missing = unsupportedAddress(recipient, this.#capabilities);
      if (missing !== undefined)
        this.#fates.one(transaction, recipient, failed(recipient.address, "unsupported", missing));
    }
    if (this.#fates.settledBeforeSending(transaction)) {
      this.#fates.conclude(transaction, now);
      return false;
    }
    transaction.form = form;
    transaction.waits = this.#chunking.waits(transaction);
    if (form === "burst") {
      // Something may be open at the server: were RSET refused, this text would go to that one's recipients too.
      if (this.#resetOwed) transaction.waits = true;
      this.#chunking.flight.begins(transaction.text.size ?? 0);
      if (this.#chunking.learnsReset() && first !== "probe") this.#resetOwed = true;
    }
    if (transaction.startedAt === undefined) {
      transaction.startedAt = now;
      this.#observer.transactionStart(transaction, now);
    }
    transaction.stage = "envelope";
    if (transaction.splittable) transaction.limits = this.#limits;
    this.#current = transaction;
    transaction.followsText = followOn;
    if (!followOn) return true;
    // RSET leads every follow-on: it shows whether the server takes commands there.
    this.#resetOwed = true;
    this.#followOn = { transaction, refused: false };
    return true;
  }

  /** EHLO and an envelope, with the connection: never BDAT, whose text would be run as commands by who knows it not. */
  #earlyLines(now: number): string {
    const transaction = this.#head();
    if (!(transaction instanceof Transaction)) return "";
    this.#queue.shift();
    let lines = this.#line("EHLO", `EHLO ${this.#name}`, now);
    this.#begin(transaction, false, now, "early");
    lines += this.#envelopeLine("mail", transaction, now);
    while (transaction.peekRecipient() !== undefined) lines += this.#envelopeLine("rcpt", transaction, now);
    if (!transaction.waits) lines += this.#envelopeLine("data", transaction, now);
    this.#early = { transaction, lines: envelopeLines(transaction, this.#capabilities), undone: false };
    return lines;
  }

  /** Is what the server refuses swallowed? A group of its own; the first envelope stands behind it. */
  #probeLines(transaction: Transaction, now: number): string {
    const { from, asciiFrom } = transaction;
    const path = pathFor({ address: from, asciiAddress: asciiFrom }, this.#capabilities) ?? "";
    const utf8 = needsUtf8(transaction);
    const mail = mailLine(path, { smtputf8: utf8 });
    const bdat = `BDAT ${PROBE_TEXT.length} LAST`;
    const write = (command: Command, line: string, octets?: number): void => {
      this.#chunking.probes(this.#ledger.write({ command, line, octets }, now));
    };
    this.#resetOwed = false;
    this.#mails++;
    this.#ledger.close(now);
    write("RSET", "RSET");
    write("MAIL", mail);
    write("BDAT", bdat, bdat.length + 2 + PROBE_TEXT.length);
    write("RSET", "RSET");
    this.#ledger.close(now);
    return `RSET\r\n${mail}\r\n${bdat}\r\n${PROBE_TEXT}RSET\r\n`;
  }

  /** Mail goes out without what it can go without; that is said once. */
  #noticeMissed(transaction: Transaction): void {
    for (const { extension, asked, warning } of OPTIONAL) {
      if (this.#capabilities.has(extension) || this.#missed.has(extension) || !asked(transaction)) continue;
      this.#missed.add(extension);
      this.#observer.warned(warning);
    }
  }

  #envelopeLine(kind: "mail" | "rcpt" | "data", transaction: Transaction, now: number): string {
    transaction.unanswered++;
    switch (kind) {
      case "mail":
        transaction.mailWritten = true;
        this.#mails++;
        this.#noticeMissed(transaction);
        return this.#line("MAIL", mailCommand(transaction, this.#capabilities), now, transaction);
      case "rcpt": {
        const index = transaction.takeRecipient();
        const line = rcptCommand(transaction.recipients[index], this.#capabilities);
        return this.#line("RCPT", line, now, transaction, index);
      }
      case "data":
        transaction.dataWritten = true;
        return this.#line("DATA", "DATA", now, transaction);
    }
  }

  #line(
    command: Command,
    line: string,
    now: number,
    transaction?: Transaction,
    recipientIndex?: number,
  ): string {
    this.#ledger.write({ command, line, transaction, recipientIndex }, now);
    return `${line}\r\n`;
  }

  #handshakeLine({ command, line, shown: seen = line, secrets = [] }: HandshakeCommand, now: number): string {
    this.#secrets = [...this.#secrets, ...secrets];
    this.#ledger.write({ command, line: seen, octets: line.length + 2 }, now);
    return `${line}\r\n`;
  }

  #terminate(transaction: Transaction, now: number): string {
    transaction.bytes += 3;
    transaction.stage = "terminated";
    this.#terminated.add(transaction);
    this.#current = undefined;
    const bytes = transaction.bytes - transaction.earlierBytes;
    this.#writeEnd({ command: "text", line: ".", transaction, octets: 3, bytes }, now);
    return ".\r\n";
  }

  /** Books what ends a text, or a chunk of it. Returns how many replies it is owed. */
  #writeEnd(entry: Entry & { readonly transaction: Transaction }, now: number): number {
    // RFC 2033 §4.2: one reply for each accepted RCPT, in their order.
    const ends = this.#options.protocol === "lmtp" && (entry.last || entry.command === "text");
    const receiving = ends ? entry.transaction.receiving : NOBODY;
    if (receiving.length === 0) {
      this.#ledger.write(entry, now);
      return 1;
    }
    receiving.forEach((recipientIndex, i) => {
      if (i === 0) this.#ledger.write({ ...entry, recipientIndex }, now);
      else this.#ledger.oweAnother({ ...entry, recipientIndex }, now);
    });
    return receiving.length;
  }

  // ---- reading

  /** A reply came, of so many octets. */
  receive(said: Reply, now: number, octets = 0): void {
    if (this.#phase === "over") return;
    const reply = this.#secrets.length === 0 ? said : redacted(said, this.#secrets);
    if (this.#phase === "upgrading") {
      this.injected(now);
      return;
    }
    const { oldest } = this.#ledger;
    const awaited = this.#marker === oldest ? undefined : this.#marker;
    const early = awaited !== undefined && rules.isMarker(reply) ? awaited : undefined;
    const answered = early ?? oldest;
    if (answered !== undefined) answered.group.bytesReceived += octets;
    if (oldest === undefined) {
      this.#unasked(reply, now);
    } else if (early !== undefined) {
      this.#markerCameFirst(early, reply, now);
    } else if (this.#hangUp.strict || !rules.fits(oldest.command, reply)) {
      this.protocolError(rules.outOfStep(reply, oldest.command), now);
    } else {
      this.#answer(oldest, reply, said, now);
    }
  }

  /** @param said the reply with what must not be shown of it */
  #answer(exchange: PendingExchange, reply: Reply, said: Reply, now: number): void {
    this.#ledger.answer(reply, now);
    // A challenge is computed with: a short password may stand in its base64 by chance.
    this.#act(exchange, said.code === 334 ? said : reply, now);
    if (this.#isOver()) return;
    if (exchange.transaction !== undefined) this.#reconsider(exchange.transaction, now);
    this.#hangUp.after(reply, this.#ledger.owed, now);
    this.#ledger.endAnswered(now);
  }

  // A method, for the compiler: what was called before may have changed the phase.
  #isOver(): boolean {
    return this.#phase === "over";
  }

  /** What a reply means for its command. */
  #act(exchange: PendingExchange, reply: Reply, now: number): void {
    const { command, transaction } = exchange;
    if (HANDSHAKE.has(command)) {
      if (exchange === this.#marker) this.#markerCameInTurn(reply, now);
      else this.#advanceHandshake(reply, now);
    } else if (command === "QUIT") {
      this.finish(now);
    } else if (this.#chunking.isProbe(exchange)) {
      this.#actOnProbe(exchange, reply, now);
    } else if (this.#early?.undone && transaction === this.#early.transaction) {
      this.#actOnUndone(command, transaction, reply, now);
    } else if (transaction === undefined) {
      if (exchange === this.#followOn?.reset) this.#actOnReset(exchange, transaction, reply, now);
      else this.#actOnOrdinary(command, reply, now);
    } else if (this.#followOn?.refused && this.#followOn.transaction === transaction) {
      this.#actOnRefusedFollowOn(transaction, reply, now);
    } else if (command === "RSET") {
      this.#actOnReset(exchange, transaction, reply, now);
    } else if (command === "MAIL") {
      transaction.unanswered--;
      transaction.mailReply = reply;
      if (reply.code === 530) this.fail(rules.authRequired(reply), "error", now);
    } else if (command === "RCPT") {
      this.#actOnRcpt(exchange, transaction, reply);
    } else if (command === "DATA") {
      this.#actOnData(transaction, reply, now);
    } else if (command === "BDAT") {
      this.#actOnChunk(exchange, transaction, reply, now);
    } else {
      this.#actOnText(exchange, transaction, reply, now);
    }
  }

  #advanceHandshake(answer: HandshakeAnswer, now: number): void {
    try {
      const result = this.#handshake?.next(answer);
      if (result === undefined) return;
      if (!result.done) {
        const { value: step } = result;
        if (step.kind === "command") {
          // Has it been said? What comes behind it was not reckoned with.
          if (this.#early !== undefined && step.command === "EHLO") return;
          if (this.#early !== undefined) this.#undoEarly(this.#early);
          this.#step = step;
        } else {
          this.#phase = step.kind === "upgrade" ? "upgrading" : "asking";
          this.#askedAt = now;
          this.#observer.needs(step);
        }
        return;
      }
      const { value } = result;
      this.#phase = "open";
      this.#secrets = [];
      if (value.refusedTls !== undefined) this.#observer.warned(rules.startTlsRefused(value.refusedTls));
      this.#capabilities = value.capabilities;
      this.#offered = true;
      this.#limits = serverLimits(value.capabilities);
      const facts = this.#observer.recall(value);
      // What nobody does is not warned of, and a server that stalls loses pipelining at once.
      this.#trust.recall(this.#options.protocol === "lmtp" ? { ...facts, followOn: "unfit" } : facts);
      this.#observer.ready(value, now);
      const early = this.#early;
      if (early !== undefined && !early.undone) {
        if (stands(early, value.capabilities, this.#tls)) this.#early = undefined;
        else this.#undoEarly(early);
      }
      if (garbledGreeting(value.greeting)) {
        this.#trust.followOnUnfit("ESMTP_GARBLED_GREETING", "its greeting is rewritten on the way");
      } else if (storesFollowOn(value.greeting)) {
        this.#trust.followOnUnfit(
          "ESMTP_FOLLOW_ON_STORED",
          "it would store the next envelope in the message",
        );
      }
    } catch (error) {
      if (!(error instanceof SmtpError)) throw error;
      this.fail(error, error.reply?.code === 421 ? "server" : "error", now);
    }
  }

  #undoEarly(early: EarlyGroup): void {
    early.undone = true;
    this.#observer.earlyUnfit();
  }

  /** What left with the connection went to a server that is not as it was: once all is answered, it goes out again. */
  #actOnUndone(command: Command, transaction: Transaction, reply: Reply, now: number): void {
    transaction.unanswered--;
    if (command === "DATA" && replyClass(reply) === 3) this.fail(rules.earlyMismatch(reply), "error", now);
    if (transaction.unanswered > 0 || this.#isOver()) return;
    this.#early = undefined;
    this.#resetOwed = true;
    this.#undo(transaction);
  }

  #actOnOrdinary(command: Command, reply: Reply, now: number): void {
    const item = this.#command;
    this.#command = undefined;
    if (item !== undefined) this.#observer.commandEnd(item, reply);
    if (command !== "RSET" && command !== "NOOP") return;
    if (replyClass(reply) !== 2) this.#hangUp.refused(reply, now);
    else if (command === "RSET") {
      this.#resetOwed = false;
      if (!this.#chunking.resetAnswered(reply) && this.#chunking.proven) {
        this.protocolError(rules.outOfStep(reply, command), now);
      }
    }
  }

  #actOnReset(
    exchange: PendingExchange,
    transaction: Transaction | undefined,
    reply: Reply,
    now: number,
  ): void {
    const followOn = this.#followOn?.reset === exchange ? this.#followOn : undefined;
    if (replyClass(reply) === 2) {
      if (transaction?.form === "burst" && !this.#chunking.resetAnswered(reply)) {
        this.protocolError(rules.outOfStep(reply, "RSET"), now);
        return;
      }
      if (exchange.last && transaction !== undefined) this.#confirmed(transaction, reply, now);
      if (followOn === undefined) return;
      if (this.#marker === undefined) this.#followOn = undefined;
      this.#trust.proved();
    } else if (followOn !== undefined && reply.code === 503) {
      followOn.refused = true;
      if (transaction === undefined || transaction.unanswered === 0) this.#followOnRefused(transaction);
    } else {
      if (followOn !== undefined)
        this.#doubtFollowOn("ESMTP_FOLLOW_ON_REFUSED", `it answered RSET with ${shown(reply)}`);
      this.#hangUp.refused(reply, now);
    }
  }

  #actOnRcpt(exchange: PendingExchange, transaction: Transaction, reply: Reply): void {
    transaction.unanswered--;
    const recipient = transaction.recipients[exchange.recipientIndex ?? -1];
    // Behind a refused MAIL it decides nothing, but tells that a previous transaction is still open.
    if (transaction.mailRefused && replyClass(reply) === 2) transaction.acceptedWithoutSender = true;
    if (transaction.mailRefused || recipient === undefined || recipient.result !== undefined) return;
    if (replyClass(reply) === 2) {
      recipient.accepted = reply;
      transaction.acceptedThisRound++;
      exchange.group.recipients.accepted.push(recipient.address);
      this.#observer.recipientAccepted(transaction, recipient, reply);
      if (transaction.leftOver.length > 0) this.#roomAfterAll(transaction);
    } else if (
      transaction.splittable &&
      transaction.acceptedThisRound > 0 &&
      rules.tooManyRecipients(reply)
    ) {
      recipient.refusal = reply;
      recipient.oneTooMany = true;
      transaction.leftOver.push(recipient);
    } else if (transaction.followsText || transaction.form === "burst") {
      // In a burst the RSET behind the text shows that both sides are in step.
      // Had the server swallowed the RSET alone, this would be another's refusal: the reply to DATA shows it.
      recipient.refusal = reply;
    } else {
      this.#fates.one(transaction, recipient, refused(recipient.address, "rcpt", reply));
    }
  }

  /** A recipient was accepted behind others that seemed to be too many: they were refused for another reason. */
  #roomAfterAll(transaction: Transaction): void {
    for (const recipient of transaction.leftOver) recipient.oneTooMany = undefined;
    transaction.leftOver = [];
    if (transaction.followsText || transaction.form === "burst") return;
    this.#fates.refusals(transaction, "certain");
  }

  #actOnData(transaction: Transaction, reply: Reply, now: number): void {
    transaction.unanswered--;
    this.#fates.refusals(transaction, "certain");
    const { mailReply, mailRefused, acceptedWithoutSender } = transaction;
    // Only now: with a 354 the text could still have gone out.
    if (mailRefused && mailReply !== undefined) this.#fates.refused(transaction, "mail", mailReply);
    if (replyClass(reply) !== 3) {
      this.#fates.refused(transaction, "data", reply);
      this.#resetOwed = true;
      this.#conclude(transaction, now);
    } else if (this.#marker !== undefined) {
      this.#followOnFailed("it answered DATA after it had been asked for a marker", now);
    } else if (acceptedWithoutSender || mailReply?.code === 503) {
      // It would deliver under the sender of a transaction that it kept: not even a dot may follow.
      this.fail(rules.wrongTransaction(reply), "error", now);
    } else if (this.#options.protocol === "lmtp" && !transaction.deliverable) {
      this.fail(rules.nobodyAccepted(reply), "error", now);
    } else {
      transaction.stage = "go";
    }
  }

  #actOnText(exchange: PendingExchange, transaction: Transaction, reply: Reply, now: number): void {
    const recipient = transaction.recipients[exchange.recipientIndex ?? -1];
    if (exchange === this.#loneDot) this.#loneDot = undefined;
    else if (recipient !== undefined) {
      this.#fates.answered(transaction, recipient, reply);
      if (this.#ledger.owed > 0) return; // nothing stands behind: the others' replies
      this.#fates.answeredForAll(transaction, reply);
    } else if (replyClass(reply) === 2) this.#fates.succeeded(transaction, reply);
    else this.#fates.refused(transaction, "message", reply);
    this.#conclude(transaction, now);
  }

  // ---- CHUNKING

  #actOnProbe(exchange: PendingExchange, reply: Reply, now: number): void {
    // The RSET behind the text is refused where the text is run as commands: that is for the verdict to say.
    const refusedAtFirst = this.#chunking.leadsProbe(exchange) && replyClass(reply) !== 2;
    if (refusedAtFirst || (exchange.command === "RSET" && reply.code === 421)) {
      this.#hangUp.refused(reply, now);
      return;
    }
    if (exchange.command === "MAIL" && reply.code === 530) {
      this.fail(rules.authRequired(reply), "error", now);
      return;
    }
    const verdict = this.#chunking.probeAnswered(exchange);
    if (verdict === undefined || verdict === "sound") return;
    if (verdict === "unfit") this.#trust.chunkingUnfit("it takes a text that nobody is to receive");
    if (verdict === "outOfStep") {
      this.#trust.chunkingUnfit("it runs the octets of a text that it refuses as commands");
      this.fail(rules.probeFailed(), "error", now);
    }
    const transaction = this.#current;
    if (transaction?.stage !== "envelope") return;
    this.#chunking.flight.ends(transaction.text.size ?? 0, true);
    transaction.form = this.#formOf(transaction);
    transaction.waits = this.#chunking.waits(transaction);
  }

  #actOnChunk(exchange: PendingExchange, transaction: Transaction, reply: Reply, now: number): void {
    transaction.chunksOwed--;
    if (exchange.last && transaction.stage === "text") {
      this.#answeredEarly(transaction, reply, now);
      return;
    }
    const recipient = transaction.recipients[exchange.recipientIndex ?? -1];
    const refused = replyClass(reply) !== 2;
    if (exchange.last && transaction.form === "burst" && this.#chunking.saysReset(reply)) {
      this.protocolError(rules.outOfStep(reply, "BDAT"), now);
      return;
    }
    if (recipient !== undefined && transaction.textReply === undefined) {
      this.#fates.answered(transaction, recipient, reply);
    } else if (refused || exchange.last) {
      transaction.textReply ??= reply;
    }
    // Of a text that was refused no more is sent.
    if (refused && !exchange.last && this.#text === transaction) {
      this.#text = undefined;
      this.#ledger.close(now);
    }
    if (this.#text === transaction || transaction.chunksOwed > 0) return;
    if (recipient !== undefined && transaction.textReply === undefined) {
      this.#fates.answeredForAll(transaction, reply);
      this.#conclude(transaction, now);
    } else if (transaction.form !== "burst" || transaction.stage === "text") {
      if (transaction.stage === "text") {
        this.#resetOwed = true;
        this.#resetDue = true;
      }
      this.#textAnswered(transaction, reply, now);
    }
  }

  /** The RSET behind a text was answered: what was answered before it was this transaction's. */
  #confirmed(transaction: Transaction, reply: Reply, now: number): void {
    const { textReply } = transaction;
    if (textReply === undefined) return;
    const accepted = replyClass(textReply) === 2;
    if (accepted) this.#trust.chunkingIs(alike(textReply, reply) ? "strict" : "proven");
    this.#textAnswered(transaction, textReply, now);
  }

  /** @param last the reply to the last chunk that was sent */
  #textAnswered(transaction: Transaction, last: Reply, now: number): void {
    const { textReply = last, mailReply, mailRefused } = transaction;
    if (replyClass(last) === 2 && (last !== textReply || mailRefused || !transaction.deliverable)) {
      this.protocolError(rules.wrongText(last), now);
      return;
    }
    this.#fates.refusals(transaction, "certain");
    if (replyClass(textReply) === 2) this.#fates.succeeded(transaction, textReply);
    else if (mailRefused && mailReply !== undefined) this.#fates.refused(transaction, "mail", mailReply);
    else this.#fates.refused(transaction, "message", textReply);
    this.#conclude(transaction, now);
  }

  /** Does an envelope go on whose DATA is not written and that waits for no reply? */
  #reconsider(transaction: Transaction, now: number): void {
    if (transaction !== this.#current || !transaction.mailWritten || transaction.dataWritten) return;
    if (transaction.unanswered > 0) return;
    if (transaction.peekRecipient() === undefined) this.#fates.refusals(transaction, "certain");
    const { mailReply, mailRefused } = transaction;
    if (mailRefused && mailReply !== undefined) {
      this.#fates.refused(transaction, "mail", mailReply);
      this.#resetOwed = mailReply.code === 503 || transaction.acceptedWithoutSender;
      this.#conclude(transaction, now);
    } else if (transaction.stage === "over" || transaction.peekRecipient() === undefined) {
      if (transaction.requireAllRecipients && !transaction.allAccepted) this.#fates.notAll(transaction);
      if (transaction.deliverable) return;
      this.#resetOwed = true;
      this.#conclude(transaction, now);
    }
  }

  #conclude(transaction: Transaction, now: number): void {
    if (this.#current === transaction) this.#current = undefined;
    this.#terminated.delete(transaction);
    if (transaction.form === "burst") {
      const { textReply, text } = transaction;
      this.#chunking.flight.ends(text.size ?? 0, textReply === undefined || replyClass(textReply) !== 2);
    }
    if (transaction.abortion !== undefined) {
      this.#fates.refusals(transaction, "all");
      this.#fates.failed(transaction, "aborted", transaction.abortion);
    }
    if (this.#phase !== "over" && transaction.open) this.#goOn(transaction);
    else this.#fates.conclude(transaction, now);
  }

  /** A further transaction for the recipients that are left (RFC 5321 §4.5.3.1.10). */
  #goOn(transaction: Transaction): void {
    if (transaction.leftOver.length > 0) {
      // So many it takes: no more are tried at once.
      const recipients = Math.min(this.#limits.recipients, transaction.acceptedThisRound);
      this.#limits = { ...this.#limits, recipients };
    }
    transaction.rewind();
    this.#observer.again(transaction);
    this.#queue.unshift(transaction);
  }

  /** A reply that no command asked for. */
  #unasked(reply: Reply, now: number): void {
    if (this.#text?.form === "data" && rules.fits("text", reply)) {
      this.#answeredEarly(this.#text, reply, now);
    } else if (this.#current?.stage === "go" && replyClass(reply) > 3 && reply.code !== 421) {
      // Right behind its 354: it wants none of a text of which nothing was written yet.
      this.#answeredEarly(this.#current, reply, now);
    } else if (reply.code === 421) {
      this.fail(rules.serverClosing(reply), "server", now);
    } else {
      this.protocolError(rules.outOfStep(reply, undefined), now);
    }
  }

  /** A reply to a text that is still being written. */
  #answeredEarly(text: Transaction, reply: Reply, now: number): void {
    const error = rules.earlyReply(reply);
    const refusal = (address: string): RecipientResult => ({ ...refused(address, "message", reply), error });
    if (replyClass(reply) === 2) {
      // For what? The server may have taken the beginning for the whole.
      text.reply = reply;
      this.#fates.byError(text, error, (address) => unknown(address, error));
    } else if (text.mailRefused && text.mailReply !== undefined) {
      this.#fates.refused(text, "mail", text.mailReply);
    } else if (this.#options.protocol === "smtp") {
      text.reply = reply;
      this.#fates.byError(text, error, refusal);
    } else {
      // It is the first recipient's. The others share the fate of a text that was not ended.
      const first = text.recipients[text.receiving[0] ?? -1];
      if (first !== undefined) this.#fates.one(text, first, refusal(first.address));
    }
    this.fail(error, reply.code === 421 ? "server" : "error", now);
  }

  // ---- servers that say PIPELINING and do not mean it

  /** Behind a RSET refused with 503 every reply must be 503 too: then nothing was done. */
  #actOnRefusedFollowOn(transaction: Transaction, reply: Reply, now: number): void {
    transaction.unanswered--;
    if (reply.code !== 503) this.#followOnFailed(`it refused RSET, then answered ${shown(reply)}`, now);
    else if (transaction.unanswered === 0) this.#followOnRefused(transaction);
  }

  #followOnRefused(transaction: Transaction | undefined): void {
    this.#undo(transaction);
    this.#trust.followOnUnfit("ESMTP_FOLLOW_ON_REFUSED", "it refuses what stands behind a message's text");
  }

  /** If nothing was answered before the marker, nothing was done: the follow-on was swallowed. */
  #markerCameFirst(marker: PendingExchange, reply: Reply, now: number): void {
    const { transaction, reset } = this.#followOn ?? {};
    if (reset === undefined || reset !== this.#ledger.oldest) {
      this.#followOnFailed("it answered a part", now);
      return;
    }
    this.#ledger.dropBefore(marker, now);
    this.#ledger.answer(reply, now);
    this.#marker = undefined;
    this.#undo(transaction);
    this.#trust.followOnUnfit("ESMTP_FOLLOW_ON_SWALLOWED", "it swallows what stands behind a message's text");
    this.#ledger.endAnswered(now);
  }

  /** All owed replies came before the marker: they count, but EHLO has cleared the transaction (RFC 5321 §4.1.4). */
  #markerCameInTurn(reply: Reply, now: number): void {
    if (!rules.isMarker(reply)) {
      this.#followOnFailed(`it answered EHLO with ${shown(reply)}`, now);
      return;
    }
    this.#marker = undefined;
    this.#resetOwed = false;
    this.#followOn = undefined;
    if (this.#current !== undefined) this.#undo(this.#current);
    this.#trust.followOnUnfit(
      "ESMTP_FOLLOW_ON_SLOW",
      "it is slow to answer what stands behind a message's text",
    );
  }

  /** Back to the head of the queue: the caller sees one message and one fate. */
  #undo(transaction: Transaction | undefined): void {
    this.#followOn = undefined;
    if (transaction === undefined) return;
    if (this.#current === transaction) this.#current = undefined;
    if (transaction.stage === "over") return;
    transaction.rewind();
    this.#queue.unshift(transaction);
  }

  /** Something went wrong behind a "." of a server that has not proved itself there: that may be the reason. */
  #doubtFollowOn(code: PeerWarningCode, why: string): void {
    if (this.#trust.followOn === "unproven") this.#trust.followOnUnfit(code, why);
  }

  #followOnFailed(what: string, now: number): void {
    this.#trust.followOnUnfit("ESMTP_FOLLOW_ON_REFUSED", `it mishandles what stands behind a text: ${what}`);
    this.fail(rules.followOnFailed(what), "error", now);
  }

  // ---- what the caller changes on the way

  /** The caller wants a transaction no more. It has an effect until DATA is written: what follows then is RSET. */
  abort(transaction: Transaction, error: SmtpError, now: number): void {
    const { stage } = transaction;
    if (stage !== "queued" && stage !== "envelope" && !transaction.unannounced) {
      transaction.abortion = error;
      return;
    }
    if (stage === "envelope" && transaction.dataWritten) {
      transaction.abortion = error;
      return;
    }
    this.#fates.refusals(transaction, "all");
    this.#fates.failed(transaction, "aborted", error);
    this.#withdraw(transaction, now);
  }

  /** Nothing of its text is at the server: RSET takes its envelope back. */
  #withdraw(transaction: Transaction, now: number): void {
    if (this.#text === transaction) {
      this.#text = undefined;
      transaction.dataWritten = false;
      this.#ledger.close(now);
    }
    this.#fates.conclude(transaction, now);
    // Its envelope may be owed replies: RSET comes behind them.
    if (this.#current === transaction && !transaction.mailWritten) this.#current = undefined;
    this.#reconsider(transaction, now);
  }

  /** A text can't be had, or not to its end. Before its envelope went, that costs the message; then the connection. */
  failText(transaction: Transaction, error: SmtpError, now: number): void {
    const { stage } = transaction;
    if (stage === "over" || stage === "terminated") return;
    this.#fates.failed(transaction, "message", error);
    if (stage === "queued") this.#fates.conclude(transaction, now);
    // Seen: behind a chunk a server answers RSET and reads on as text.
    else if (transaction.unannounced) this.#withdraw(transaction, now);
    else this.fail(error, "error", now);
  }

  // ---- deadlines

  /** When expire() is to be called, unless something happens before; undefined: nothing is waited for. */
  get deadline(): number | undefined {
    return this.#deadline()?.at;
  }

  #deadline():
    | { at: number; why: "asking" | "closing" | "followOn" | "probe" | "reply"; command: Command }
    | undefined {
    if (this.#phase === "over") return undefined;
    const { timeouts } = this.#options;
    if (this.#phase === "asking") {
      return { at: this.#askedAt + timeouts.command, why: "asking", command: "AUTH" };
    }
    const { since: silentSince } = this.#hangUp;
    if (silentSince !== undefined) {
      return { at: silentSince + timeouts.closing, why: "closing", command: "QUIT" };
    }
    const { oldest } = this.#ledger;
    if (oldest === undefined) return undefined;
    const { command, oldestSince } = oldest;
    if (this.#chunking.isProbe(oldest)) return { at: oldestSince + timeouts.probe, why: "probe", command };
    const watched = this.#followOn?.refused || this.#followOn?.reset === oldest;
    if (watched && this.#marker === undefined && !this.#markerDue) {
      return { at: oldestSince + timeouts.followOn, why: "followOn", command };
    }
    let since = oldestSince;
    if (command === "text" || command === "BDAT") {
      // Until its end is flushed the socket's own progress is watched instead.
      if (oldest.flushedAt === undefined) return undefined;
      since = Math.max(since, oldest.flushedAt);
    }
    return { at: since + rules.timeoutOf(command, timeouts), why: "reply", command };
  }

  /** A deadline may have passed. */
  expire(now: number): void {
    const deadline = this.#deadline();
    if (deadline === undefined || now < deadline.at) return;
    const { why, command } = deadline;
    if (why === "asking") {
      this.fail(rules.credentialsTimedOut(), "timeout", now);
    } else if (why === "closing") {
      // It may have read on all the same.
      this.disconnected(now, { ended: false });
    } else if (why === "probe") {
      this.#trust.chunkingUnfit("it did not answer when it was asked whether it swallows what it refuses");
      this.fail(rules.timedOut(`${command} was not answered`, command), "timeout", now);
    } else if (why === "followOn") {
      if (this.#followOn?.refused) this.#followOnFailed("it refused RSET, then fell silent", now);
      else this.#markerDue = true;
    } else if (command === "QUIT") {
      this.finish(now);
    } else {
      this.timedOut(
        command === "greeting" ? "no greeting came" : `${command} was not answered`,
        command,
        now,
      );
    }
  }

  // ---- the end

  /** The server did not answer, or did not take octets, in time. */
  timedOut(what: string, command: Command, now: number): void {
    // A stall in the very first pipelined group: something on the way may not bear groups.
    if (this.#early === undefined && this.#ledger.grouped === "written") {
      this.#trust.moreCareful("the first pipelined group was not answered");
    }
    this.fail(rules.timedOut(what, command), "timeout", now);
  }

  /** What came is no reply, or none to what was sent. */
  protocolError(thrown: SmtpError, now: number): void {
    const error = redactedError(thrown, this.#secrets);
    const inBurst =
      this.#current?.form === "burst" || this.#terminated.values().next().value?.form === "burst";
    if (inBurst) this.#trust.chunkingUnfit("its replies were out of step");
    else if (this.#early === undefined && this.#ledger.grouped !== "no")
      this.#trust.moreCareful("its replies were out of step");
    this.fail(error, "error", now);
  }

  /**
   * The connection ended.
   * @param how `ended`: whether it did, and behind a whole reply (default true); `cause`: what it broke of
   */
  disconnected(now: number, how: { readonly ended?: boolean; readonly cause?: unknown } = {}): void {
    const { ended = true, cause } = how;
    const command = this.#ledger.oldest?.command;
    const announced = this.#hangUp.reply;
    this.#hungUp = ended && this.#hangUp.quiet;
    if (this.#followOn?.reset !== undefined && announced === undefined) {
      this.#doubtFollowOn("ESMTP_FOLLOW_ON_LOST", "it hung up when something stood behind a message's text");
    }
    if (command === "QUIT") this.finish(now);
    else if (announced !== undefined) this.fail(rules.serverClosing(announced), "server", now);
    else this.fail(rules.connectionLost(command, cause), "server", now);
  }

  /** QUIT is done. */
  finish(now: number): void {
    if (this.#phase === "over") return;
    if (this.#head() !== undefined) {
      // Only where the server takes no more transactions is QUIT said before everything is done.
      this.fail(rules.mailLimit(this.#limits.mails), "server", now);
      return;
    }
    this.#phase = "over";
    this.#ledger.endAll(now);
    this.#observer.finished();
  }

  /** What was answered up to the reply that announced the end stands; what lay behind it was not processed. */
  #beforeHangUp(transaction: Transaction): void {
    const { textReply, deliverable, mailRefused } = transaction;
    this.#fates.refusals(transaction, "all");
    if (textReply === undefined || !deliverable || mailRefused) return;
    if (replyClass(textReply) === 2) this.#fates.succeeded(transaction, textReply);
    else this.#fates.refused(transaction, "message", textReply);
  }

  /** The session is over: what is settled stays, everything else gets its fate here. */
  fail(error: SmtpError, reason: CloseReason, now: number): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#text = undefined;
    if (this.#early !== undefined) this.#observer.earlyUnfit();
    this.#observer.failed(error, reason);

    const stage =
      error.code === "ESMTP_DESTROYED" || error.code === "ESMTP_ABORTED" ? "aborted" : "connection";
    // The end of these was handed to the socket: the server may have taken them.
    for (const transaction of [...this.#terminated]) {
      const { form, textReply } = transaction;
      if (this.#hungUp && (form === "burst" || textReply !== undefined)) this.#beforeHangUp(transaction);
      else this.#fates.lost(transaction, error, rules.misread(error));
      // Those that were left for a further transaction.
      this.#fates.refusals(transaction, "all");
      this.#fates.failed(transaction, stage, error);
      this.#conclude(transaction, now);
    }
    const items = this.#queue.drain();
    if (this.#current !== undefined) {
      // A refusal stands, whatever happens later, unless it may have been another's.
      if (!rules.misread(error)) this.#fates.refusals(this.#current, "all");
      items.unshift(this.#current);
    }
    if (this.#command !== undefined) items.unshift(this.#command);
    for (const item of items) {
      if (item instanceof Transaction) {
        this.#fates.failed(item, stage, error);
        this.#conclude(item, now);
      } else {
        this.#observer.commandEnd(item, error);
      }
    }
    this.#current = undefined;
    this.#command = undefined;
    this.#ledger.endAll(now, error);
  }
}
