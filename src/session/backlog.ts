import type { Window } from "../protocol/limits.ts";
import type { Delivery } from "./message.ts";

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

/** The messages between two calls of `flush()`. */
export interface Batch {
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

/** How many messages are open, what they weigh against the window, and who waits for room, or for all of them. */
export class Backlog {
  readonly #window: Window;
  #messages = 0;
  #octets = 0;
  #batch = newBatch();
  #flushed: Promise<unknown> = Promise.resolve();
  #wasFull = false;
  #waiting: (() => void)[] = [];

  constructor(window: Window) {
    this.#window = window;
  }

  /** Messages whose fate is open. */
  get messages(): number {
    return this.#messages;
  }

  /** Whether the window is used up. */
  get full(): boolean {
    return this.#messages >= this.#window.messages || this.#octets >= this.#window.bytes;
  }

  /** Counts a message. Returns the batch that its fate counts in. */
  add(octets: number): Batch {
    const batch = this.#batch;
    batch.open++;
    batch.messages++;
    this.#messages++;
    this.#octets += octets;
    this.#wasFull ||= this.full;
    return batch;
  }

  /** A message has its fate. Who waits for its batch is told by {@link leave}, after the events. */
  settle(octets: number, batch: Batch, { succeeded, failed, unknown }: Delivery): void {
    this.#messages--;
    this.#octets -= octets;
    batch.succeeded += succeeded.length;
    batch.failed += failed.length;
    batch.unknown += unknown.length;
  }

  /** Everybody knows the fate. */
  leave(batch: Batch): void {
    if (--batch.open === 0) batch.settled?.();
  }

  /** Whether the window was used up and has room again, told once. */
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
