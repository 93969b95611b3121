import type { RecipientResult } from "../pipeline/fate.ts";
import { now } from "../session/clock.ts";
import type { Delivery, Message, MessageData } from "../session/message.ts";
import type { RecipientEvent, RecipientOutcome, WorkerEventName, WorkerEvents } from "./events.ts";
import type { Gate } from "./gate.ts";
import { addressOf, type JobData, type ResolveText, recipientsOf, textOf } from "./message.ts";
import {
  changed,
  having,
  isOver,
  type JobProgress,
  type RecipientProgress,
  readProgress,
  short,
  toProgress,
} from "./progress.ts";
import { type Claim, REDIS_PAUSE, type Records } from "./records.ts";
import { type Retries, retryDelay } from "./retry.ts";
import { inTrace } from "./trace.ts";

// One attempt at a job, in steps that each are durable before the next begins:
//
//   what another attempt left begun     unknown: held, or open again
//   the text                            resolved; what fails defers
//   the gate                            room in the pool
//   begun                               recorded, if the job is still this worker's: else nothing is sent
//   the delivery                        octets leave
//   the outcome                         recorded; without the lock, too, as long as nobody began after us
//
// The recipients go in parts, so that few are begun at a time, and a retry carries only those that are open.

/** How many recipients are begun at a time: as many as every server takes (RFC 5321 §4.5.3.1.8). */
const PART = 100;

/** A job as an attempt sees it. */
export interface AttemptedJob {
  readonly claim: Claim;
  readonly data: JobData;
  /** What is recorded. */
  readonly progress: unknown;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /** Whether a worker was lost with it before. */
  readonly stalled: boolean;
  /** When it was due first: epoch milliseconds. */
  readonly dueAt: number;
}

/** What an attempt is made with. */
export interface AttemptTools {
  readonly records: Records;
  readonly gate: Gate;
  readonly pipeline: (message: Message) => Promise<Delivery>;
  readonly text: ResolveText | undefined;
  readonly retries: Retries;
  readonly unknown: "hold" | "retry";
  /** Lets a job go on that waits for a decision. */
  readonly wake: (id: string) => Promise<void>;
  readonly tell: <E extends WorkerEventName>(event: E, payload: Parameters<WorkerEvents[E]>[0]) => void;
}

/** What is to be done with the job. */
export type Ending =
  | { readonly kind: "over"; readonly progress: JobProgress }
  /** To be tried again. */
  | {
      readonly kind: "deferred";
      readonly progress: JobProgress;
      readonly until: number;
      readonly delayMs: number;
    }
  /** A decision is needed. */
  | { readonly kind: "held"; readonly progress: JobProgress }
  /** The worker closes: nothing is begun that is not settled. */
  | { readonly kind: "returned" }
  /** The job is another worker's. */
  | { readonly kind: "lost" };

/** Makes one attempt at a job. Rejects only where Redis does. */
export function attempt(job: AttemptedJob, tools: AttemptTools): Promise<Ending> {
  return new Attempt(job, tools).run();
}

class Attempt {
  readonly #job: AttemptedJob;
  readonly #tools: AttemptTools;
  readonly #recipients: ReturnType<typeof recipientsOf>;
  #progress: JobProgress;

  constructor(job: AttemptedJob, tools: AttemptTools) {
    this.#job = job;
    this.#tools = tools;
    this.#recipients = recipientsOf(job.data.envelope);
    this.#progress = readProgress(job.progress);
  }

  async run(): Promise<Ending> {
    if (!(await this.#meetLeftovers())) return { kind: "lost" };
    const deferred = new Set<number>(); // in this attempt
    for (;;) {
      const open = this.#having(undefined, "deferred").filter((index) => !deferred.has(index));
      if (open.length === 0) break;
      const part = this.#job.data.envelope.requireAllRecipients ? open : open.slice(0, PART);
      const ending = await this.#deliverPart(part, deferred.size === 0);
      if (ending !== undefined) return ending;
      for (const index of part) deferred.add(index);
    }
    return this.#end();
  }

  /** What is begun and not ours: its worker is gone. And what is too old, where workers were lost with it. */
  async #meetLeftovers(): Promise<boolean> {
    const { unknown, retries } = this.#tools;
    const left = this.#having("begun");
    if (left.length > 0) {
      const state: RecipientProgress = {
        status: unknown === "hold" ? "unknown" : "deferred",
        text: "a worker was lost with it",
      };
      if (!(await this.#record(left, state, unknown === "hold"))) return false;
      this.#tell(left, "unknown");
    }
    if (!this.#job.stalled || Date.now() <= this.#job.dueAt + retries.maxAge) return true;
    return this.#expire();
  }

  async #deliverPart(part: readonly number[], first: boolean): Promise<Ending | undefined> {
    const text = await this.#text();
    if ("problem" in text) {
      const state: RecipientProgress = { status: "deferred", text: short(text.problem.message) };
      // Nothing was begun, but it was tried: else it would be tried for ever.
      const tries = this.#progress.tries + (first ? 1 : 0);
      if (!(await this.#record(part, state, false, { tries }))) return { kind: "lost" };
      this.#tools.tell("error", { error: text.problem, time: now() });
      this.#tell(part, "deferred");
      return undefined;
    }
    const leave = await this.#tools.gate.enter();
    if (leave === undefined) return { kind: "returned" };
    let delivery: Promise<Delivery>;
    let begun: readonly number[];
    try {
      const more = { attempt: this.#job.attempt, tries: this.#progress.tries + (first ? 1 : 0) };
      if (!(await this.#record(part, { status: "begun" }, false, more))) return { kind: "lost" };
      // Somebody may have decided meanwhile.
      begun = part.filter((index) => this.#progress.recipients[index]?.status === "begun");
      if (begun.length === 0) return undefined;
      delivery = this.#send(begun, text.data);
    } finally {
      leave();
    }
    return this.#settle(begun, await delivery.catch(asError));
  }

  async #text(): Promise<{ readonly data: MessageData } | { readonly problem: Error }> {
    const { data } = this.#job;
    const stored = textOf(data);
    if (stored !== undefined) return { data: stored };
    const { text } = this.#tools;
    try {
      if (text === undefined) throw new Error("the message has a reference, and this worker no option text");
      const resolved = await text(data.ref);
      if (typeof resolved === "string" || resolved instanceof Uint8Array || typeof resolved === "function") {
        return { data: resolved };
      }
      // A stream can be read once: for another time it is asked for again.
      let first = true;
      return {
        data: async () => {
          const given = first ? resolved : await text(data.ref);
          first = false;
          return typeof given === "function" ? given() : given;
        },
      };
    } catch (cause) {
      return { problem: asError(cause) };
    }
  }

  /** @throws nothing: what is thrown by the pool is a rejection */
  #send(part: readonly number[], data: MessageData): Promise<Delivery> {
    const { envelope, trace } = this.#job.data;
    const to = part.flatMap((index) => this.#recipients[index] ?? []);
    const message: Message = { ...envelope, to, data, id: this.#job.claim.id };
    try {
      return inTrace(trace, () => this.#tools.pipeline(message));
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  async #settle(part: readonly number[], delivery: Delivery | Error): Promise<Ending | undefined> {
    const { records, unknown } = this.#tools;
    const states = new Map<number, RecipientProgress>();
    const results = new Map<number, RecipientResult>();
    if (delivery instanceof Error) {
      // The message is of a shape that no pool takes: no other try will mend that.
      for (const index of part) states.set(index, { status: "failed", text: short(delivery.message) });
    } else {
      for (const [i, index] of part.entries()) {
        const result = delivery.recipients[i];
        if (result === undefined) continue;
        const state = toProgress(result, this.#sourceFailed(result));
        const again = state.status === "unknown" && unknown === "retry";
        states.set(index, again ? { ...state, status: "deferred" } : state);
        results.set(index, result);
      }
    }
    const held = [...states.values()].some(({ status }) => status === "unknown");
    const { claim, attempt } = this.#job;
    const recorded = await this.#insist(() =>
      records.update(
        claim,
        this.#progress,
        (progress) => changed(progress, states),
        held ? Date.now() : undefined,
      ),
    );
    if (recorded === undefined) {
      const changes = Object.fromEntries([...states].map(([index, state]) => [String(index), state]));
      // Who has it now holds it for unknown: we know better.
      const amended = await this.#insist(() => records.amend(claim.id, changes, attempt));
      if (amended !== undefined) {
        this.#tellResults(states, results);
        await this.#tools.wake(claim.id);
      }
      return { kind: "lost" };
    }
    this.#progress = recorded;
    this.#tellResults(states, results);
    return undefined;
  }

  /** What became of recipients only this process knows: where Redis refuses (it is full, say) it is asked again. */
  async #insist<T>(write: () => Promise<T>): Promise<T> {
    const { gate, tell } = this.#tools;
    for (;;) {
      try {
        return await write();
      } catch (cause) {
        if (gate.closed) throw cause;
        tell("error", { error: asError(cause), time: now() });
        await new Promise((resolve) => setTimeout(resolve, REDIS_PAUSE));
      }
    }
  }

  /** A text that could not be had by its reference may be there later: nothing of it was delivered. */
  #sourceFailed(result: RecipientResult): boolean {
    if (result.status !== "failed" || this.#job.data.ref === undefined) return false;
    return result.error?.code === "ESMTP_SOURCE_FAILED" || result.error?.code === "ESMTP_SOURCE_TIMEOUT";
  }

  async #end(): Promise<Ending> {
    const { retries } = this.#tools;
    if (this.#having(undefined, "deferred").length > 0) {
      const delayMs = retryDelay(retries, this.#progress.tries);
      const until = Date.now() + delayMs;
      if (until <= this.#job.dueAt + retries.maxAge) {
        return { kind: "deferred", progress: this.#progress, until, delayMs };
      }
      if (!(await this.#expire())) return { kind: "lost" };
    }
    const over = isOver(this.#progress, this.#recipients.length);
    return { kind: over ? "over" : "held", progress: this.#progress };
  }

  /** Gives up what is open. */
  async #expire(): Promise<boolean> {
    const open = this.#having(undefined, "deferred");
    if (open.length === 0) return true;
    const expire = (progress: JobProgress): JobProgress =>
      changed(
        progress,
        open.map((index) => [index, { ...progress.recipients[index], status: "expired" }]),
      );
    const recorded = await this.#tools.records.update(this.#job.claim, this.#progress, expire);
    if (recorded === undefined) return false;
    this.#progress = recorded;
    this.#tell(open, "expired");
    return true;
  }

  async #record(
    part: readonly number[],
    state: RecipientProgress,
    held: boolean,
    more: Partial<Pick<JobProgress, "attempt" | "tries">> = {},
  ): Promise<boolean> {
    const before = this.#progress;
    const recorded = await this.#tools.records.update(
      this.#job.claim,
      before,
      (progress) => {
        // Only what is as it was: another worker may have told of it late.
        const same = part.filter(
          (index) => progress.recipients[index]?.status === before.recipients[index]?.status,
        );
        return changed(
          progress,
          same.map((index) => [index, state]),
          more,
        );
      },
      held ? Date.now() : undefined,
    );
    if (recorded === undefined) return false;
    this.#progress = recorded;
    return true;
  }

  #having(...statuses: readonly (RecipientProgress["status"] | undefined)[]): number[] {
    return having(this.#progress, this.#recipients.length, ...statuses);
  }

  #tellResults(
    states: ReadonlyMap<number, RecipientProgress>,
    results: ReadonlyMap<number, RecipientResult>,
  ): void {
    for (const [index, { status }] of states) {
      const result = results.get(index);
      const outcome = result?.status === "unknown" ? "unknown" : (status as RecipientOutcome);
      this.#tell([index], outcome, {
        ...(result?.status === "failed" && { stage: result.stage }),
        ...(result !== undefined && "reply" in result && { reply: result.reply }),
        ...(result !== undefined && "error" in result && { error: result.error }),
      });
    }
  }

  #tell(
    part: readonly number[],
    outcome: RecipientOutcome,
    more: Partial<Pick<RecipientEvent, "stage" | "reply" | "error">> = {},
  ): void {
    const { tag } = this.#job.data;
    for (const index of part) {
      const recipient = this.#recipients[index];
      if (recipient === undefined) continue;
      this.#tools.tell("recipient", {
        id: this.#job.claim.id,
        ...(tag !== undefined && { tag }),
        time: now(),
        address: addressOf(recipient),
        outcome,
        final: outcome !== "deferred" && outcome !== "unknown",
        ...more,
      });
    }
  }
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
