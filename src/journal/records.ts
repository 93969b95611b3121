import type { Message } from "../session/message.ts";
import { time } from "./clock.ts";
import { has, newEntry, type StoredEntry } from "./entry.ts";
import { before, idKey, indexKey, range, recordKey, seqOf, textKey } from "./keys.ts";
import type { Change, Store } from "./store.ts";

/** An entry, and its number in the store. */
export interface Found {
  readonly seq: number;
  readonly entry: StoredEntry;
}

/** The entries in a store, and the indexes that find them. */
export class Records {
  readonly #store: Store;
  #last: number;
  /** The keys in the indexes of those that are in hand; of any other they follow from its entry. */
  readonly #keys = new Map<number, readonly string[]>();
  /** What is not in the store yet: it stands for what is there. */
  readonly #unwritten = new Map<number, StoredEntry>();
  readonly #unwrittenIds = new Map<string, number>();

  private constructor(store: Store, last: number) {
    this.#store = store;
    this.#last = last;
  }

  static async open(store: Store): Promise<Records> {
    const [last] = await store.some({ ...range("r"), reverse: true }, 1);
    return new Records(store, last === undefined ? 0 : seqOf(last));
  }

  /** A new entry, which is not in the store yet. */
  make(message: Message, id: string, octets?: number): Found {
    const seq = ++this.#last;
    this.#keys.set(seq, []);
    return { seq, entry: newEntry(message, id, time(), octets) };
  }

  find(id: string): Found | undefined {
    const seq = this.seq(id);
    return seq === undefined ? undefined : this.read(seq);
  }

  /** The number of the entry with an id. */
  seq(id: string): number | undefined {
    const seq = this.#unwrittenIds.get(id) ?? this.#store.get(idKey(id));
    return seq === undefined ? undefined : Number(seq);
  }

  read(seq: number): Found {
    const entry = this.#unwritten.get(seq) ?? parsed(this.#store.get(recordKey(seq)));
    if (entry === undefined) throw this.#store.damaged(`its record ${seq} is missing or can't be read`);
    if (!this.#keys.has(seq)) this.#keys.set(seq, keysOf(seq, entry));
    return { seq, entry };
  }

  /** What was read is let go of. */
  forget(seq: number): void {
    this.#keys.delete(seq);
  }

  /** The text of an entry that has one. */
  async text({ seq, entry }: Found): Promise<Uint8Array> {
    const text = await this.#store.bytes(textKey(seq), entry.octets ?? 0);
    if (text === undefined) throw this.#store.damaged(`the text of its record ${seq} is missing`);
    return text;
  }

  /**
   * Writes an entry soon.
   * @param written is called then: from here on an iterator finds it
   */
  write(seq: number, entry: StoredEntry, written: () => void = () => undefined): void {
    this.#unwritten.set(seq, entry);
    this.#unwrittenIds.set(entry.id, seq);
    this.#store.write(this.#changes(seq, entry), () => {
      if (this.#unwritten.get(seq) === entry) {
        this.#unwritten.delete(seq);
        this.#unwrittenIds.delete(entry.id);
      }
      written();
    });
  }

  /** Writes an entry, and fulfils when it is on the disk. */
  async sync(seq: number, entry: StoredEntry, text?: Uint8Array): Promise<void> {
    const changes = this.#changes(seq, entry);
    if (text !== undefined) changes.push({ type: "put", key: textKey(seq), value: text });
    await this.#store.sync(changes);
  }

  /** Removes those that were finished before a time. */
  async sweep(until: number): Promise<void> {
    const most = 500;
    for (;;) {
      const keys = await this.#store.some({ ...range("d"), lt: before("d", until) }, most);
      for (const key of keys) {
        const seq = seqOf(key);
        const { entry } = this.read(seq);
        this.forget(seq);
        this.#store.write([
          { type: "del", key },
          { type: "del", key: recordKey(seq) },
          { type: "del", key: idKey(entry.id) },
        ]);
      }
      if (keys.length > 0) await this.#store.sync([]);
      if (keys.length < most) return;
    }
  }

  #changes(seq: number, entry: StoredEntry): Change[] {
    const old = this.#keys.get(seq) ?? [];
    const keys = keysOf(seq, entry);
    const finished = entry.finishedAt !== undefined;
    if (finished) this.#keys.delete(seq);
    else this.#keys.set(seq, keys);
    const changes: Change[] = [{ type: "put", key: recordKey(seq), value: JSON.stringify(entry) }];
    if (old.length === 0) changes.push({ type: "put", key: idKey(entry.id), value: String(seq) });
    for (const key of old) if (!keys.includes(key)) changes.push({ type: "del", key });
    for (const key of keys) if (!old.includes(key)) changes.push({ type: "put", key, value: "" });
    if (finished && entry.octets !== undefined) changes.push({ type: "del", key: textKey(seq) });
    return changes;
  }
}

/** Where an entry is found: see keys.ts. */
function keysOf(seq: number, entry: StoredEntry): string[] {
  if (entry.finishedAt !== undefined) return [indexKey("d", seq, entry.finishedAt)];
  const keys: string[] = [];
  if (has(entry, "begun")) keys.push(indexKey("b", seq));
  else if (has(entry, "waiting")) keys.push(indexKey("w", seq, entry.dueAt));
  if (has(entry, "unknown")) keys.push(indexKey("u", seq));
  return keys;
}

function parsed(text: string | undefined): StoredEntry | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const whole = typeof value === "object" && value !== null && "recipients" in value;
    return whole ? (value as StoredEntry) : undefined;
  } catch {
    return undefined;
  }
}
