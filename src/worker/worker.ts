import { Worker as BullWorker, DelayedError, type Job, UnrecoverableError, WaitingError } from "bullmq";
import type { SmtpPool } from "../pool/index.ts";
import { now } from "../session/clock.ts";
import { GuardedEmitter } from "../session/emitter.ts";
import { type WaitOptions, waitSignal } from "../session/wait.ts";
import { type AttemptTools, attempt, type Ending } from "./delivery.ts";
import type { JobResult, WorkerEventName, WorkerEvents } from "./events.ts";
import { Gate } from "./gate.ts";
import { HeldMessages, wakeHeld } from "./held.ts";
import { type JobData, recipientsOf } from "./message.ts";
import { type ResolvedWorkerOptions, resolveWorkerOptions, type WorkerOptions } from "./options.ts";
import { having, type JobProgress, type RecipientProgress } from "./progress.ts";
import { HELD_FOR, type QueueDepth, REDIS_PAUSE, Records } from "./records.ts";
import { loadOpenTelemetry } from "./trace.ts";

/** What is kept as the result of a job: a stream of events in Redis has it, too. */
interface JobSummary {
  readonly succeeded: number;
}

/** BullMQ fails a job that was taken over more often. Here nothing is lost by it: only age gives a message up. */
const STALLED_AT_MOST = 1_000_000_000;

/**
 * Delivers messages from a queue in Redis (BullMQ) through a pool. Any number of workers, on any number of machines,
 * may deliver from one queue. Of each recipient it is recorded in the job, durably as far as Redis is, that its
 * delivery begins, before the first octet leaves, and how it ended, before anything follows from it. A worker that dies
 * loses no message, and repeats none but those that the option `unknown` says.
 *
 * @example
 * const worker = new SmtpWorker({ connection: { host: "redis.example.org" }, pool: { host: "mail.example.org" } });
 * worker.on("jobEnd", ({ id, result }) => console.log(id, result));
 * await worker.run();
 */
export class SmtpWorker<R = unknown> extends GuardedEmitter<WorkerEvents> implements AsyncDisposable {
  /** What delivers. */
  readonly pool: SmtpPool;
  /** The messages whose fate is unknown, of all workers. */
  readonly held: HeldMessages;
  readonly #options: ResolvedWorkerOptions;
  readonly #bull: BullWorker<JobData, JobSummary>;
  readonly #records: Records;
  readonly #gate: Gate;
  readonly #tools: AttemptTools;
  #running = false;
  #closing: Promise<void> | undefined;

  /** Connects to Redis, and takes nothing yet. @throws TypeError that names the option */
  constructor(options: WorkerOptions<R>) {
    super();
    this.#options = resolveWorkerOptions(options as WorkerOptions<never>);
    const { pool, queue, prefix, connection, text, retries, unknown } = this.#options;
    this.pool = pool;
    this.#bull = new BullWorker<JobData, JobSummary>(queue, (job, token) => this.#process(job, token ?? ""), {
      connection,
      ...(prefix !== undefined && { prefix }),
      autorun: false,
      concurrency: this.#options.concurrency,
      lockDuration: this.#options.lockDuration,
      stalledInterval: this.#options.stalledInterval,
      maxStalledCount: STALLED_AT_MOST,
      removeOnComplete: this.#options.keepDelivered,
      removeOnFail: this.#options.keepFailed,
    });
    this.#bull.on("error", (error) => this.#failed(error));
    this.#bull.on("stalled", (id) => this.#tell("jobStalled", { id, time: now() }));
    this.#records = new Records(this.#bull.backend.client, this.#bull.toKey(""));
    this.held = new HeldMessages(this.#bull, this.#records);
    this.#gate = new Gate(pool);
    this.#tools = {
      records: this.#records,
      gate: this.#gate,
      pipeline: (message) => pool.pipeline(message),
      text,
      retries,
      unknown,
      wake: (id) => wakeHeld(this.#bull, id),
      tell: (event, payload) => this.#tell(event, payload),
    };
  }

  /** Begins to take messages. Fulfils when Redis is reached. */
  async run(): Promise<void> {
    if (this.#running || this.#closing !== undefined) return;
    this.#running = true;
    await loadOpenTelemetry();
    await this.#bull.waitUntilReady();
    this.#bull.run().catch((cause) => this.#failed(cause));
  }

  /** How many jobs the queue has, by state. */
  depth(): Promise<QueueDepth> {
    return this.#records.depth();
  }

  /**
   * Takes no more messages, and ends when those are settled that were begun; the others go back to the queue. A pool
   * of the worker's own ends, too.
   * @param options `signal`: when it fires, such a pool is destroyed, so that what is begun is settled at once
   */
  close(options: WaitOptions = {}): Promise<void> {
    const signal = waitSignal(options);
    const destroy = (): void => {
      if (this.#options.ownPool) this.pool.destroy();
    };
    if (signal?.aborted) destroy();
    signal?.addEventListener("abort", destroy);
    this.#closing ??= this.#close();
    return this.#closing.finally(() => signal?.removeEventListener("abort", destroy));
  }

  /** The same as {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#gate.close();
    await this.#bull.close();
    if (this.#options.ownPool) await this.pool.quit();
    this.#tell("close", { time: now() });
    this.removeAllListeners();
  }

  // ---- one job

  async #process(job: Job<JobData, JobSummary>, token: string): Promise<JobSummary> {
    const { id = "", opts, timestamp } = job;
    const dueAt = timestamp + (opts.delay ?? 0);
    let ending: Ending;
    try {
      ending = await attempt(
        {
          claim: { id, token },
          data: job.data,
          progress: job.progress,
          attempt: job.attemptsStarted,
          stalled: job.stalledCounter > 0,
          dueAt,
        },
        this.#tools,
      );
    } catch (cause) {
      // Redis refuses. The job stays as it is recorded: without its lock it is taken over, and nothing of it is lost.
      this.#failed(cause);
      await new Promise((resolve) => setTimeout(resolve, REDIS_PAUSE));
      throw new DelayedError();
    }
    return this.#move(job, token, ending, dueAt);
  }

  /** Moves a job on as its attempt ended. What is thrown tells BullMQ where it went. */
  async #move(
    job: Job<JobData, JobSummary>,
    token: string,
    ending: Ending,
    dueAt: number,
  ): Promise<JobSummary> {
    const about = { id: job.id ?? "", ...("tag" in job.data && { tag: job.data.tag }) };
    switch (ending.kind) {
      case "over":
        return this.#end(job, ending.progress, dueAt);
      case "deferred": {
        const { until, delayMs, progress } = ending;
        if (await this.#moved(job.moveToDelayed(until, token))) {
          const recipients = open(progress, recipientsOf(job.data.envelope).length);
          const { tries } = progress;
          this.#tell("jobDeferred", { ...about, time: now(), until, delayMs, tries, recipients });
        }
        throw new DelayedError();
      }
      case "held":
        if (await this.#moved(job.moveToDelayed(Date.now() + HELD_FOR, token))) {
          await this.#rest(job, about);
        }
        throw new DelayedError();
      case "returned":
        await this.#moved(job.moveToWait(token));
        throw new WaitingError();
      case "lost":
        this.#tell("jobLost", { ...about, time: now() });
        throw new DelayedError();
    }
  }

  #end(job: Job<JobData, JobSummary>, progress: JobProgress, dueAt: number): JobSummary {
    const count = recipientsOf(job.data.envelope).length;
    const succeeded = having(progress, count, "succeeded").length;
    const failed = having(progress, count, "failed").length;
    const expired = having(progress, count, "expired").length;
    this.#tell("jobEnd", {
      id: job.id ?? "",
      ...("tag" in job.data && { tag: job.data.tag }),
      time: now(),
      result: resultOf({ succeeded, failed, expired }),
      succeeded,
      failed,
      expired,
      tries: progress.tries,
      ageMs: Math.max(0, Date.now() - dueAt),
    });
    if (failed + expired === 0) return { succeeded };
    const error = new UnrecoverableError(reasonOf(progress));
    // Where it was made says nothing, and would be stored with every job.
    error.stack = "";
    throw error;
  }

  /** A job that was put to rest: somebody may have decided before it was. */
  async #rest(job: Job<JobData, JobSummary>, about: { readonly id: string }): Promise<void> {
    const progress = await this.#records.read(about.id);
    const recipients = having(progress, recipientsOf(job.data.envelope).length, "unknown").length;
    if (recipients === 0) await job.promote().catch(() => undefined);
    else this.#tell("jobHeld", { ...about, time: now(), recipients });
  }

  /** Whether a job could be moved. If not it is another worker's, or a lost connection had it moved twice. */
  async #moved(moving: Promise<unknown>): Promise<boolean> {
    try {
      await moving;
      return true;
    } catch (cause) {
      this.#failed(cause);
      return false;
    }
  }

  // ---- events

  protected override listenersChanged(): void {}

  protected override listenerFailed(event: WorkerEventName, cause: unknown): void {
    if (event !== "error") this.#failed(cause);
  }

  #failed(cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#tell("error", { error, time: now() });
  }

  #tell<E extends WorkerEventName>(event: E, payload: Parameters<WorkerEvents[E]>[0]): void {
    (this as { emit(event: E, payload: unknown): boolean }).emit(event, payload);
  }
}

function open(progress: JobProgress, count: number): number {
  return having(progress, count, undefined, "deferred").length;
}

function resultOf(counts: {
  readonly succeeded: number;
  readonly failed: number;
  readonly expired: number;
}): JobResult {
  if (counts.failed + counts.expired === 0) return "delivered";
  if (counts.succeeded > 0) return "partial";
  return counts.expired > 0 ? "expired" : "rejected";
}

/** What a failed job says in BullMQ's tools: what the first recipient met with. */
function reasonOf({ recipients }: JobProgress): string {
  const states = Object.values(recipients).filter(
    ({ status }) => status === "failed" || status === "expired",
  );
  const [first] = states;
  return `${states.length} not delivered to; ${first === undefined ? "" : said(first)}`;
}

function said({ status, code, text, error }: RecipientProgress): string {
  return [status, code, error, text].filter((part) => part !== undefined).join(" ");
}
