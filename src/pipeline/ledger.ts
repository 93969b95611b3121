import { octets as octetsOf } from "../protocol/address.ts";
import type { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import { Fifo } from "./fifo.ts";
import { type Entry, Group, PendingExchange } from "./group.ts";
import type { PipelineObserver } from "./observer.ts";
import type { Transaction } from "./transaction.ts";

/**
 * What was written and is not answered, in order, and the groups it was written in.
 * Replies come in the order of the commands, so groups end in the order they began.
 */
export class Ledger {
  readonly #observer: PipelineObserver;
  readonly #groupCommands: number;
  readonly #owed = new Fifo<PendingExchange>();
  readonly #groups = new Fifo<Group>();
  #open: Group | undefined;
  #count = 0;
  /** How many replies came to be owed, how many of those came, and how many were owed when all octets had left. */
  #written = 0;
  #taken = 0;
  #flushed = 0;
  #last: Group | undefined;
  #grouped: "no" | "written" | "answered" = "no";

  constructor(observer: PipelineObserver, groupCommands: number) {
    this.#observer = observer;
    this.#groupCommands = groupCommands;
  }

  /** How many replies are owed. */
  get owed(): number {
    return this.#owed.length;
  }

  /** The command whose reply comes next. */
  get oldest(): PendingExchange | undefined {
    return this.#owed.at(0);
  }

  get newest(): PendingExchange | undefined {
    return this.#owed.last();
  }

  /** The most recently completed group. */
  get lastGroup(): Group | undefined {
    return this.#last;
  }

  /** Whether any group of several commands was written, and whether one was answered whole. */
  get grouped(): "no" | "written" | "answered" {
    return this.#grouped;
  }

  /** Books a command as written. Returns its exchange. */
  write(entry: Entry, now: number): PendingExchange {
    const group = this.open(now);
    const octets = entry.octets ?? octetsOf(entry.line) + 2;
    const exchange = new PendingExchange(entry, group, entry.bytes ?? octets, now);
    group.exchanges.push(exchange);
    group.unanswered++;
    group.commands++;
    group.bytesSent += octets;
    const { transaction } = entry;
    if (transaction !== undefined && transaction.group !== group) {
      transaction.group = group;
      group.transactions.add(transaction);
    }
    if (group.commands > 1 && this.#grouped === "no") this.#grouped = "written";
    this.#owe(exchange);
    if (entry.command !== "greeting") this.#observer.sent(exchange);
    // Bounded: what is too long for one group goes on in another, without waiting.
    if (group.commands >= this.#groupCommands) this.close(now);
    return exchange;
  }

  /** The command written last is owed a further reply, which has an exchange of its own in the same group. */
  oweAnother(entry: Entry, now: number): void {
    const group = this.newest?.group ?? this.open(now);
    const exchange = new PendingExchange(entry, group, 0, now);
    group.exchanges.push(exchange);
    group.unanswered++;
    this.#owe(exchange);
  }

  #owe(exchange: PendingExchange): void {
    this.#owed.push(exchange);
    this.#written++;
  }

  /** All octets have left: the deadline for the answer to a text runs from here, or from when its turn comes. */
  flushed(now: number): void {
    this.#flushed = this.#written;
    if (this.oldest !== undefined) this.oldest.flushedAt ??= now;
  }

  /** Octets of a text left: they belong to the open group. */
  wrote(transaction: Transaction, octets: number, now: number): void {
    const group = this.open(now);
    if (transaction.group !== group) group.transactions.add(transaction);
    group.bytesSent += octets;
  }

  /** The group that is being written, a new one if none is. */
  open(now: number): Group {
    if (this.#open === undefined) {
      this.#open = new Group(++this.#count, now);
      this.#groups.push(this.#open);
      this.#observer.groupStart(this.#open);
    }
    return this.#open;
  }

  /** Nothing more is written into the open group: the session has to wait for a reply. */
  close(now: number): void {
    if (this.#open === undefined) return;
    this.#open.open = false;
    this.#open = undefined;
    this.endAnswered(now);
  }

  /** The reply to the oldest command came. */
  answer(reply: Reply, now: number): PendingExchange | undefined {
    const exchange = this.#take(now);
    if (exchange === undefined) return undefined;
    exchange.reply = reply;
    exchange.group.firstReplyAt ??= now;
    this.#observer.replied(exchange, reply, now);
    return exchange;
  }

  /** No reply will come to what was written before this command. */
  dropBefore(exchange: PendingExchange, now: number): void {
    while (this.oldest !== undefined && this.oldest !== exchange) this.#take(now);
    this.endAnswered(now);
  }

  #take(now: number): PendingExchange | undefined {
    const exchange = this.#owed.shift();
    if (exchange === undefined) return undefined;
    exchange.group.unanswered--;
    this.#taken++;
    const { oldest } = this;
    if (oldest !== undefined) {
      oldest.oldestSince = now;
      if (this.#taken < this.#flushed) oldest.flushedAt ??= now;
    }
    return exchange;
  }

  /** Ends the groups that are written and answered. */
  endAnswered(now: number): void {
    for (let group = this.#groups.at(0); group !== undefined; group = this.#groups.at(0)) {
      if (group.open || group.unanswered > 0) return;
      if (group.commands > 1) this.#grouped = "answered";
      this.#end(group, now);
    }
  }

  /** The connection is over, by an error or as it should be: no reply will come any more. */
  endAll(now: number, error?: SmtpError): void {
    for (const { group } of this.#owed.drain()) group.error = error;
    // A text that is cut off is owed no reply.
    if (this.#open !== undefined) this.#open.error = error;
    this.#open = undefined;
    for (let group = this.#groups.at(0); group !== undefined; group = this.#groups.at(0))
      this.#end(group, now);
  }

  #end(group: Group, now: number): void {
    this.#groups.shift();
    group.endedAt = now;
    this.#last = group;
    this.#observer.groupEnd(group);
  }
}
