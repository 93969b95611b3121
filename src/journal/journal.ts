import { SmtpError } from "../protocol/errors.ts";
import * as check from "../session/check.ts";
import type { BeginSending, JournaledSender, SendJournal } from "../session/journal.ts";
import { type Message, makeTransaction } from "../session/message.ts";
import { time } from "./clock.ts";
import { Due } from "./due.ts";
import {
  closed,
  crashed,
  found,
  has,
  isOpen,
  type JournalEntry,
  placesOf,
  recipientsOf,
  resent,
  waitingPlaces,
  withMore,
} from "./entry.ts";
import { indexKey, range, seqOf } from "./keys.ts";
import { type JournalOptions, type ResolvedJournalOptions, resolveJournalOptions } from "./options.ts";
import { type Found, Records } from "./records.ts";
import { Sending } from "./sending.ts";
import { Store } from "./store.ts";
import { readText } from "./text.ts";

/** How many messages of a journal stand where. */
export interface JournalCounts {
  /** Recipients are to be sent to, now or later. */
  readonly waiting: number;
  /** This process is sending them. */
  readonly begun: number;
  /** Recipients' fate is unknown. They may have others that wait. */
  readonly unknown: number;
  readonly finished: number;
}

/** What `pending()` yields: see there. */
export interface PendingOptions {
  /** Waits for what is added, and for what becomes due. Default false: ends when nothing is due. */
  follow?: boolean | undefined;
  /** Also what is not due yet. Default false. */
  early?: boolean | undefined;
  /** Ends it: what was yielded goes on. */
  signal?: AbortSignal | undefined;
}

const PENDING_FIELDS: Record<keyof PendingOptions, check.Check> = {
  follow: check.boolean,
  early: check.boolean,
  signal: check.signal,
};

/** Finished entries are dropped so often: milliseconds. */
const SWEEP = 3_600_000;

/**
 * A durable record of what is sent, in a folder of its own (LevelDB). What is about to be sent is on the disk before its
 * first octet leaves, in groups; its outcome follows. After a crash it is exact: what was never begun waits, what is
 * finished is not sent again, and what was begun without an outcome is unknown: it is held until somebody decides.
 * One process at a time has a journal open.
 *
 * @example
 * await using journal = await Journal.open("outbox");
 * await journal.add({ id: "order-17", from: "shop@example.org", to: "you@example.net", data: text });
 * await using pool = new SmtpPool({ host: "mail.example.org", journal });
 * for await (const delivery of pool.deliver(journal.pending())) console.log(delivery.id, delivery.ok);
 */
export class Journal implements SendJournal, AsyncDisposable {
  readonly #store: Store;
  readonly #records: Records;
  readonly #options: ResolvedJournalOptions;
  readonly #sending: Sending;
  readonly #due = new Due();
  readonly #sweeper: NodeJS.Timeout;
  /** Ids that are being added. */
  readonly #adding = new Map<string, Promise<unknown>>();
  #closing: Promise<void> | undefined;

  private constructor(store: Store, records: Records, options: ResolvedJournalOptions) {
    this.#store = store;
    this.#records = records;
    this.#options = options;
    this.#sending = new Sending(records, options.retry, () => this.#due.changed());
    this.#sweeper = setInterval(() => void this.#sweep().catch(() => undefined), SWEEP).unref();
  }

  /**
   * Opens a journal; makes it where there is none. What a process left begun that died is unknown from here on.
   * @param folder a folder that has nothing else in it
   * @throws TypeError that names the option; SmtpError (as rejections) `ESMTP_JOURNAL` (it can't be read or written),
   *   `ESMTP_JOURNAL_LOCKED` (it is open in another process), `ESMTP_JOURNAL_DAMAGED`
   */
  static async open(folder: string, options: JournalOptions = {}): Promise<Journal> {
    if (typeof folder !== "string" || folder === "") {
      throw new TypeError(`folder must be the path of a folder, not ${check.shownValue(folder)}`);
    }
    const resolved = resolveJournalOptions(options);
    const store = await Store.open(folder);
    try {
      const records = await Records.open(store);
      const journal = new Journal(store, records, resolved);
      await journal.#recover();
      await journal.#sweep();
      return journal;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Why nothing can be recorded any more, and so nothing is sent; undefined as long as all is well. */
  get error(): SmtpError | undefined {
    return this.#store.error;
  }

  /** For the option `journal` of a session or pool, which calls it. */
  attach(sender: JournaledSender): BeginSending {
    return this.#sending.attach(sender);
  }

  /**
   * Keeps a message with its text, to be sent by {@link pending}. Fulfils when it is on the disk. A text that is not in
   * memory is read to its end; more than 64 MiB are not kept. The tag is kept as JSON, the signal not at all.
   * @returns `added: false`: the journal has a message with that id, which stays as it is
   * @throws TypeError (as a rejection) that names the field; SmtpError `ESMTP_JOURNAL`, `ESMTP_SOURCE_FAILED`,
   *   `ESMTP_SIZE_EXCEEDED`
   */
  async add(message: Message): Promise<{ readonly id: string; readonly added: boolean }> {
    const { transaction, message: copy } = makeTransaction(
      message,
      crypto.randomUUID(),
      0,
      "normalize",
      time(),
    );
    const { id } = transaction;
    const text = await readText(copy.data);
    // One after the other: the second of an id finds the first.
    const adding = (this.#adding.get(id) ?? Promise.resolve()).then(() => this.#add(copy, id, text));
    const over = adding.catch(() => undefined);
    this.#adding.set(id, over);
    try {
      return { id, added: await adding };
    } finally {
      if (this.#adding.get(id) === over) this.#adding.delete(id);
    }
  }

  async #add(message: Message, id: string, text: Uint8Array): Promise<boolean> {
    this.#usable();
    if (this.#sending.has(id) || this.#records.seq(id) !== undefined) return false;
    keepable(message.tag);
    const { seq, entry } = this.#records.make(message, id, text.length);
    await this.#records.sync(seq, entry, text);
    this.#records.forget(seq);
    this.#due.changed();
    return true;
  }

  /**
   * The messages that were added, are not finished and are due, the longest due first, each with the recipients that are
   * left. Read as they are pulled: `deliver(journal.pending())`. What failed so that a later try may succeed is due again
   * later: see the option `retry`.
   */
  async *pending(options: PendingOptions = {}): AsyncGenerator<Message, void, undefined> {
    const {
      follow = false,
      early = false,
      signal,
    }: PendingOptions = check.readRecord(options, PENDING_FIELDS, "options");
    if (early) yield* this.#waiting(Number.MAX_SAFE_INTEGER, signal);
    while (!signal?.aborted && !this.#due.closed) {
      const { changes } = this.#due;
      const until = time() + 1;
      let some = false;
      for await (const message of this.#waiting(until, signal)) {
        some = true;
        yield message;
      }
      if (some) continue;
      if (!follow) return;
      // What is due before is in hand, or is nothing of this journal's to send.
      const [next] = await this.#store.some(this.#due.from(until), 1);
      await this.#due.wait(next, changes, signal);
    }
  }

  async *#waiting(until: number, signal: AbortSignal | undefined): AsyncGenerator<Message, void, undefined> {
    await this.#written();
    for await (const key of this.#store.keys(this.#due.before(until))) {
      if (signal?.aborted) return;
      this.#usable();
      const seq = seqOf(key);
      const found = this.#records.read(seq);
      const { entry } = found;
      const places = waitingPlaces(entry);
      // Brought by somebody who has its text himself; or over since the iterator began, or put off.
      if (entry.octets === undefined || places.length === 0 || key !== indexKey("w", seq, entry.dueAt))
        continue;
      if (this.#sending.has(entry.id)) continue;
      const data = await this.#records.text(found);
      if (this.#sending.has(entry.id)) continue; // handed out since
      this.#sending.handOut(seq, entry, places);
      const to = places.flatMap((place) => {
        const recipient = entry.recipients[place];
        return recipient === undefined ? [] : [sendable(recipient)];
      });
      yield { ...entry.fields, id: entry.id, from: entry.from, to, data } as Message;
    }
  }

  /**
   * Messages from a source that can be read again, without what is done: for a run that goes on where another ended.
   * Leaves out those that are finished, and recipients that have their fate; holds those whose fate is unknown; lets
   * through what is new, what was never begun, and what failed so that a later try may succeed, due or not.
   * @param messages each with an `id` that is the same when the source is read again
   * @throws TypeError for a message without an id
   */
  async *resume<T>(
    messages: Iterable<Message<T>> | AsyncIterable<Message<T>>,
  ): AsyncGenerator<Message<T>, void, undefined> {
    for await (const message of messages) {
      this.#usable();
      const { id } = message;
      if (id === undefined) {
        throw new TypeError("message.id is missing: without it nobody knows the message again");
      }
      const rest = this.#rest(message, id);
      if (rest !== undefined) yield rest;
    }
  }

  #rest<T>(message: Message<T>, id: string): Message<T> | undefined {
    // Its begin says what is wrong with it.
    if (this.#sending.has(id)) return message;
    const known = this.#records.find(id);
    if (known === undefined) {
      const { seq, entry } = this.#records.make(message, id);
      this.#sending.handOut(seq, entry, [...entry.recipients.keys()]);
      return message;
    }
    const { seq } = known;
    const entry = withMore(known.entry, message);
    const places = placesOf(entry, message);
    const open = places.filter(
      (place): place is number => place !== undefined && isOpen(entry.recipients[place]),
    );
    const to = recipientsOf(message).filter((_, i) => open.includes(places[i] ?? -1));
    if (to.length === 0) {
      this.#records.forget(seq);
      return undefined;
    }
    this.#sending.handOut(seq, entry, open);
    return { ...message, to };
  }

  /** The messages with recipients whose fate is unknown: they may have arrived. */
  async *unknown(): AsyncGenerator<JournalEntry, void, undefined> {
    await this.#written();
    for await (const key of this.#store.keys(range("u"))) {
      const { entry } = this.#peek(seqOf(key));
      // It may have been decided since the iterator began.
      if (has(entry, "unknown")) yield shown(entry);
    }
  }

  /** What the journal knows of a message; undefined for one that it does not have (any more). */
  async entry(id: string): Promise<JournalEntry | undefined> {
    const seq = this.#records.seq(id);
    return seq === undefined ? undefined : shown(this.#peek(seq).entry);
  }

  /**
   * Lets those be sent again whose fate is unknown; they may get the message twice.
   * @param ids of messages; default: all
   * @returns how many recipients that were. Fulfils when it is on the disk
   */
  async resend(ids?: Iterable<string>): Promise<number> {
    return this.#decide(ids, (entry) => resent(entry, time()));
  }

  /**
   * Somebody found out what became of a message whose fate is unknown.
   * @returns of how many recipients it was unknown
   */
  async settle(id: string, state: "succeeded" | "failed"): Promise<number> {
    const problem = check.oneOf("succeeded", "failed")(state);
    if (problem !== undefined) throw new TypeError(`state ${problem}, not ${check.shownValue(state)}`);
    return this.#decide([id], (entry) => found(entry, state, time()));
  }

  async #decide(
    ids: Iterable<string> | undefined,
    change: (entry: Found["entry"]) => Found["entry"],
  ): Promise<number> {
    this.#usable();
    const seqs: number[] = [];
    if (ids === undefined) {
      await this.#written();
      for await (const key of this.#store.keys(range("u"))) seqs.push(seqOf(key));
    } else {
      for (const id of ids) {
        const seq = this.#records.seq(id);
        if (seq === undefined) throw new TypeError(`The journal has no message ${check.shownValue(id)}`);
        seqs.push(seq);
      }
    }
    let recipients = 0;
    for (const seq of seqs) {
      const { entry } = this.#records.read(seq);
      // Being sent: what is unknown of it can be decided when that is over.
      if (this.#sending.has(entry.id)) continue;
      recipients += entry.recipients.filter(({ state }) => state === "unknown").length;
      const after = change(entry);
      this.#records.write(seq, after);
      this.#records.forget(seq);
    }
    await this.#store.sync([]);
    this.#due.changed();
    return recipients;
  }

  /** Counts the messages: reads all indexes. */
  async counts(): Promise<JournalCounts> {
    const count = async (index: string): Promise<number> => {
      let n = 0;
      for await (const _ of this.#store.keys(range(index))) n++;
      return n;
    };
    await this.#written();
    const [waiting, begun, unknown, finished] = await Promise.all(["w", "b", "u", "d"].map(count));
    return { waiting: waiting ?? 0, begun: begun ?? 0, unknown: unknown ?? 0, finished: finished ?? 0 };
  }

  /** Writes what is known and closes. What is begun still is unknown when it is opened again: end the pool before. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  /** The same as {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#due.close();
    this.#sending.flush();
    await this.#store.close();
  }

  /** Waits until the indexes say what is known: an iterator sees what was written when it began. */
  async #written(): Promise<void> {
    this.#sending.flush();
    await this.#store.sync([]);
  }

  /** Reads an entry that may be in hand, without keeping anything of it. */
  #peek(seq: number): Found {
    const peeked = this.#records.read(seq);
    if (!this.#sending.has(peeked.entry.id)) this.#records.forget(seq);
    return peeked;
  }

  /** What the last process left begun may have arrived. */
  async #recover(): Promise<void> {
    for await (const key of this.#store.keys(range("b"))) {
      const seq = seqOf(key);
      const { entry } = this.#records.read(seq);
      this.#records.write(seq, closed(crashed(entry), time(), this.#options.retry));
      this.#records.forget(seq);
    }
    await this.#store.sync([]);
  }

  #sweep(): Promise<void> {
    return this.#records.sweep(time() - this.#options.keep);
  }

  /** @throws SmtpError */
  #usable(): void {
    if (this.#closing !== undefined) throw new SmtpError("ESMTP_JOURNAL", "The journal is closed");
    if (this.#store.error !== undefined) throw this.#store.error;
  }
}

/** @throws TypeError for a tag that JSON has no way to say */
function keepable(tag: unknown): void {
  try {
    JSON.stringify(tag);
  } catch (cause) {
    throw new TypeError(`message.tag can't be kept as JSON: ${check.causeText(cause)}`, { cause });
  }
}

/** Without the message's other fields, which are its own. */
function shown({ fields: _, ...entry }: Found["entry"]): JournalEntry {
  return entry;
}

function sendable({ address, notify, orcpt }: JournalEntry["recipients"][number]): object {
  return { address, ...(notify !== undefined && { notify }), ...(orcpt !== undefined && { orcpt }) };
}
