import type { Transaction } from "../pipeline/transaction.ts";
import type { Window } from "../protocol/limits.ts";
import { type Delivery, type Message, makeDelivery } from "./message.ts";
import type { TextSource } from "./source.ts";

/** What the session keeps of a message until it is settled. */
export interface Entry {
  readonly message: Message;
  /** The text, if it is in memory. */
  readonly octets: Uint8Array | undefined;
  /** Where the text comes from otherwise. */
  source: TextSource | undefined;
  preparing: boolean;
  readonly batch: Batch;
  /** Called with the fate. */
  readonly settled: (delivery: Delivery) => void;
  /** Stops listening to the message's signal. */
  readonly forget: (() => void) | undefined;
}

/** What `flush()` counts: the messages queued since the previous call. */
export interface FlushSummary {
  /** Every recipient succeeded. */
  readonly ok: boolean;
  readonly messages: number;
  /** Recipients by fate. */
  readonly succeeded: number;
  readonly failed: number;
  readonly unknown: number;
}

interface Batch {
  open: number;
  messages: number;
  succeeded: number;
  failed: number;
  unknown: number;
  /** Called when the last message is settled. */
  settled: (() => void) | undefined;
}

function newBatch(): Batch {
  return { open: 0, messages: 0, succeeded: 0, failed: 0, unknown: 0, settled: undefined };
}

/** The messages whose fate is open, what they weigh against the window, and who waits for them. */
export class Outbox {
  readonly #window: Window;
  readonly #entries = new Map<Transaction, Entry>();
  #octets = 0;
  #batch = newBatch();
  #flushed: Promise<unknown> = Promise.resolve();
  #wasFull = false;
  #waiting: (() => void)[] = [];

  constructor(window: Window) {
    this.#window = window;
  }

  get pending(): number {
    return this.#entries.size;
  }

  /** Whether the window is used up. */
  get full(): boolean {
    return this.#entries.size >= this.#window.messages || this.#octets >= this.#window.bytes;
  }

  get(transaction: Transaction): Entry | undefined {
    return this.#entries.get(transaction);
  }

  add(transaction: Transaction, entry: Omit<Entry, "batch" | "preparing">): void {
    const { message, octets, source, settled, forget } = entry;
    const batch = this.#batch;
    batch.open++;
    batch.messages++;
    this.#octets += octets?.length ?? 0;
    this.#entries.set(transaction, { message, octets, source, settled, forget, batch, preparing: false });
    this.#wasFull ||= this.full;
  }

  /** Takes a transaction out that is over. Who waits for it is told by the caller, after the events. */
  settle(transaction: Transaction): { delivery: Delivery; tell: () => void } | undefined {
    const entry = this.#entries.get(transaction);
    if (entry === undefined) return undefined;
    this.#entries.delete(transaction);
    this.#octets -= entry.octets?.length ?? 0;
    entry.source?.close();
    entry.forget?.();
    const delivery = makeDelivery(transaction, entry.message);
    const { batch } = entry;
    batch.succeeded += delivery.succeeded.length;
    batch.failed += delivery.failed.length;
    batch.unknown += delivery.unknown.length;
    return {
      delivery,
      tell: () => {
        entry.settled(delivery);
        if (--batch.open === 0) batch.settled?.();
      },
    };
  }

  /** Whether the queue was full and has room again, told once. */
  drained(): boolean {
    if (!this.#wasFull || this.full) return false;
    this.#wasFull = false;
    return true;
  }

  /** Fulfils when there is room. */
  room(): Promise<void> {
    return this.full ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  /** Whether somebody waits for room that is there. */
  get awaited(): boolean {
    return this.#waiting.length > 0 && !this.full;
  }

  /** Lets those go on who wait for room. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Fulfils when all messages added before are settled; counts those added since the previous call. */
  flush(): Promise<FlushSummary> {
    const batch = this.#batch;
    this.#batch = newBatch();
    const settled = new Promise<void>((resolve) => {
      if (batch.open === 0) resolve();
      else batch.settled = resolve;
    });
    const summary = Promise.all([this.#flushed, settled]).then(() => {
      const { messages, succeeded, failed, unknown } = batch;
      return { ok: failed + unknown === 0, messages, succeeded, failed, unknown };
    });
    this.#flushed = summary;
    return summary;
  }
}
