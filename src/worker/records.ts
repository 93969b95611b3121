import {
  type JobProgress,
  type RecipientProgress,
  readProgress,
  revisionMark,
  storedProgress,
} from "./progress.ts";
import { type ScriptClient, scriptRunner } from "./scripts.ts";

/** How many jobs are recorded in one step of Redis, which does nothing else meanwhile: some microseconds each. */
const BATCH = 100;

/** Until what Redis refused is tried again: milliseconds. */
export const REDIS_PAUSE: number = 1_000;

/** The job whose progress is recorded, and the token of its lock. */
export interface Claim {
  readonly id: string;
  readonly token: string;
}

/** A job that is held. */
export interface HeldEntry {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly data: unknown;
  readonly progress: JobProgress;
}

/** How many jobs of a queue there are, by state. */
export interface QueueDepth {
  /** Ready to be taken. */
  readonly waiting: number;
  /** Ready to be taken, those with a priority. */
  readonly prioritized: number;
  /** A worker has them. */
  readonly active: number;
  /** Not due yet: by `delay`, or deferred. */
  readonly delayed: number;
  /** With recipients whose fate is unknown. Such a job may be delayed as well, for other recipients of it. */
  readonly held: number;
  /** Over, with recipients that it was not delivered to; kept as `keepFailed` says. */
  readonly failed: number;
}

/** Where a held job stands in the set of delayed ones: so much later than now, milliseconds. It stays until promoted. */
export const HELD_FOR: number = 100 * 365 * 24 * 3_600_000;

/** BullMQ's scores of delayed jobs: a time, and 12 bits for their order. */
const SCORES_A_MILLISECOND = 4_096;

interface Write {
  readonly args: readonly (string | number)[];
  resolve(outcome: unknown): void;
  reject(cause: unknown): void;
}

/** The progress of jobs in Redis. Calls of one turn of the event loop share a step: hundreds of jobs, one round trip. */
export class Records {
  readonly #prefix: string;
  readonly #run: ReturnType<typeof scriptRunner>;
  #writes: Write[] = [];

  /** @param prefix what all keys of the queue begin with */
  constructor(client: Promise<ScriptClient>, prefix: string) {
    this.#prefix = prefix;
    this.#run = scriptRunner(client);
    // Who calls meets it.
    this.#run.catch(() => undefined);
  }

  /**
   * Changes the progress of a job that this worker has. Where another change came first, the change is made anew.
   * @param change from what is recorded to what is to be; the same object for no change
   * @param heldAt when recipients were found to be of unknown fate, if they were
   * @returns what is recorded now; undefined if the job is not this worker's any more
   */
  async update(
    claim: Claim,
    from: JobProgress,
    change: (progress: JobProgress) => JobProgress,
    heldAt?: number,
  ): Promise<JobProgress | undefined> {
    let progress = from;
    for (;;) {
      const next = change(progress);
      if (next === progress) return progress;
      const stored = storedProgress(next);
      const outcome = await this.#write([
        claim.id,
        claim.token,
        revisionMark(progress),
        stored,
        heldAt ?? "",
      ]);
      if (outcome === 0) return undefined;
      // A connection that was lost before the answer has the same written again.
      if (outcome === 1 || outcome === stored) return next;
      progress = readProgress(outcome === "" ? undefined : JSON.parse(String(outcome)));
    }
  }

  /**
   * Changes recipients of a job without its lock: those of unknown fate.
   * @param attempt only if this attempt began last; then also those that it began
   * @param changes by index, or for all: `"*"`; false makes it not begun
   * @returns the progress as it is now; undefined if nothing was changed
   */
  async amend(
    id: string,
    changes: Readonly<Record<string, RecipientProgress | false>>,
    attempt?: number,
  ): Promise<JobProgress | undefined> {
    const run = await this.#run;
    const stored = await run("smtpAmend", this.#prefix, id, attempt ?? "", JSON.stringify(changes));
    return typeof stored === "string" ? readProgress(JSON.parse(stored)) : undefined;
  }

  /** What is recorded in a job. */
  async read(id: string): Promise<JobProgress> {
    const run = await this.#run;
    const stored = await run("smtpRead", this.#prefix, id);
    return readProgress(typeof stored === "string" ? JSON.parse(stored) : undefined);
  }

  /** The jobs that are held, the oldest first. */
  async held(limit: number): Promise<HeldEntry[]> {
    const run = await this.#run;
    const rows = (await run("smtpListHeld", this.#prefix, limit)) as [string, string, string, string][];
    return rows.map(([id, since, data, progress]) => ({
      id,
      since: Number(since),
      data: JSON.parse(data),
      progress: readProgress(JSON.parse(progress)),
    }));
  }

  async depth(): Promise<QueueDepth> {
    const run = await this.#run;
    const resting = (Date.now() + HELD_FOR / 2) * SCORES_A_MILLISECOND;
    const counts = (await run("smtpDepth", this.#prefix, resting)) as number[];
    const [waiting = 0, prioritized = 0, active = 0, delayed = 0, held = 0, failed = 0] = counts;
    return { waiting, prioritized, active, delayed, held, failed };
  }

  #write(args: Write["args"]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#writes.push({ args, resolve, reject });
      // Not at once: what else is settled by the same octets of a server shares the step.
      if (this.#writes.length === 1) setImmediate(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const writes = this.#writes;
    this.#writes = [];
    for (let at = 0; at < writes.length; at += BATCH) void this.#send(writes.slice(at, at + BATCH));
  }

  async #send(writes: readonly Write[]): Promise<void> {
    try {
      const run = await this.#run;
      const outcomes = (await run(
        "smtpRecord",
        this.#prefix,
        ...writes.flatMap(({ args }) => args),
      )) as unknown[];
      for (const [i, { resolve }] of writes.entries()) resolve(outcomes[i]);
    } catch (cause) {
      for (const { reject } of writes) reject(cause);
    }
  }
}
