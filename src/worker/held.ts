import { Job, type MinimalQueue } from "bullmq";
import { addressOf, type JobData, recipientsOf } from "./message.ts";
import { having, type RecipientProgress } from "./progress.ts";
import { HELD_FOR, type Records } from "./records.ts";

/** A message with recipients whose fate is unknown. */
export interface HeldMessage {
  readonly id: string;
  /** When it was found: epoch milliseconds. */
  readonly since: number;
  readonly tag?: unknown;
  readonly from: string;
  /** The addresses of unknown fate. */
  readonly unknown: readonly string[];
  /** How many of its recipients are of known fate, or not begun. */
  readonly others: number;
}

const MOST = 1_000;

/** What nobody knows the fate of: to be looked up in the server's log, and decided. */
export class HeldMessages {
  readonly #queue: MinimalQueue;
  readonly #records: Records;

  constructor(queue: MinimalQueue, records: Records) {
    this.#queue = queue;
    this.#records = records;
  }

  /** Those held longest. @param limit how many at most; default 1,000 */
  async list(limit: number = MOST): Promise<HeldMessage[]> {
    const entries = await this.#records.held(limit);
    return entries.map(({ id, since, data, progress }) => {
      const { envelope, tag } = data as JobData;
      const recipients = recipientsOf(envelope);
      const unknown = having(progress, recipients.length, "unknown").flatMap((index) => {
        const recipient = recipients[index];
        return recipient === undefined ? [] : [addressOf(recipient)];
      });
      const others = recipients.length - unknown.length;
      return { id, since, from: envelope.from, unknown, others, ...(tag !== undefined && { tag }) };
    });
  }

  /**
   * Sends a held message again, to the recipients whose fate is unknown: they may get it twice.
   * @returns false if it is not held
   */
  release(id: string): Promise<boolean> {
    return this.#decide(id, false);
  }

  /**
   * Says what became of the recipients whose fate was unknown: the message is not sent to them again.
   * @returns false if it is not held
   */
  settle(id: string, fate: "succeeded" | "failed"): Promise<boolean> {
    return this.#decide(id, { status: fate, text: "decided by the operator" });
  }

  async #decide(id: string, state: RecipientProgress | false): Promise<boolean> {
    const amended = await this.#records.amend(id, { "*": state });
    if (amended === undefined) return false;
    await wakeHeld(this.#queue, id);
    return true;
  }
}

/** Lets a job go on that waits for a decision. One that a worker has, or that is deferred, goes on by itself. */
export async function wakeHeld(queue: MinimalQueue, id: string): Promise<void> {
  const job = await Job.fromId(queue, id);
  // What is only deferred is not that late.
  if (job === undefined || job.delay < HELD_FOR / 2) return;
  // Somebody else may have woken it meanwhile.
  await job.promote().catch(() => undefined);
}
