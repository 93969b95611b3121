import type { Transaction } from "../pipeline/transaction.ts";
import { Backlog, type Batch } from "./backlog.ts";
import { type Delivery, type Message, makeDelivery } from "./message.ts";
import type { TextSource } from "./source.ts";

/** What the session keeps of a message until it is settled. */
export interface Entry {
  readonly message: Message;
  /** The text, if it is in memory. */
  readonly octets: Uint8Array | undefined;
  /** Where the text comes from otherwise. */
  source: TextSource | undefined;
  /** How far its source is opened. */
  preparation: "none" | "begun" | "done";
  /** Whether the journal, if there is one, knows that it is to be sent. */
  journal: "unasked" | "asked" | "begun";
  readonly batch: Batch;
  /** Called with the fate. */
  readonly settled: (delivery: Delivery) => void;
  /** Stops listening to the message's signal. */
  readonly forget: (() => void) | undefined;
}

/** The messages whose fate is open. */
export class Outbox extends Backlog {
  readonly #entries = new Map<Transaction, Entry>();

  get(transaction: Transaction): Entry | undefined {
    return this.#entries.get(transaction);
  }

  put(transaction: Transaction, entry: Omit<Entry, "batch" | "preparation" | "journal">): void {
    const { message, octets, source, settled, forget } = entry;
    const batch = this.add(octets?.length ?? 0);
    this.#entries.set(transaction, {
      message,
      octets,
      source,
      settled,
      forget,
      batch,
      preparation: "none",
      journal: "unasked",
    });
  }

  /** Takes a transaction out that is over. Who waits for it is told by the caller, after the events. */
  take(transaction: Transaction): { delivery: Delivery; tell: () => void } | undefined {
    const entry = this.#entries.get(transaction);
    if (entry === undefined) return undefined;
    this.#entries.delete(transaction);
    entry.source?.close();
    entry.forget?.();
    const delivery = makeDelivery(transaction, entry.message);
    const { batch } = entry;
    this.settle(entry.octets?.length ?? 0, batch, delivery);
    return {
      delivery,
      tell: () => {
        entry.settled(delivery);
        this.leave(batch);
      },
    };
  }
}
