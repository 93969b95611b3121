import type { KeepJobs } from "bullmq";
import { type PoolOptions, SmtpPool } from "../pool/index.ts";
import * as check from "../session/check.ts";
import type { ResolveText } from "./message.ts";
import { DEFAULT_QUEUE, LOCATION_FIELDS, type QueueLocation } from "./producer.ts";
import { RETRIES, type Retries } from "./retry.ts";

/** How many finished jobs of a kind Redis keeps. */
export interface Keep {
  /** Seconds. Default: no bound. */
  age?: number | undefined;
  /** Jobs. Default: no bound; 0 keeps none. */
  count?: number | undefined;
}

/** Options of {@link SmtpWorker}. */
export interface WorkerOptions<R = unknown> extends QueueLocation {
  /** The pool that delivers, or the options of one: then it is the worker's own, and ends with it. */
  pool: SmtpPool | PoolOptions | string;
  /** How many messages the worker has at a time: what a crash can leave with an unknown fate. Default 500. */
  concurrency?: number | undefined;
  /** Makes a text of the reference of a message that was added with `ref`. */
  text?: ResolveText<R> | undefined;
  /** When deferred recipients are tried again. */
  retries?: Partial<Retries> | undefined;
  /**
   * What becomes of a recipient whose fate is unknown: `"hold"` waits for a decision (see `held`), `"retry"` sends
   * again, which may deliver twice. Default `"hold"`.
   */
  unknown?: "hold" | "retry" | undefined;
  /** Delivered messages that Redis keeps. Default: none. */
  keepDelivered?: Keep | undefined;
  /** Messages that Redis keeps which were not delivered to all. Default: 7 days, at most 100,000. */
  keepFailed?: Keep | undefined;
  /**
   * How long a message stays this worker's without a sign of life: milliseconds. Default 30,000. Another one takes it
   * over then, at its next check.
   */
  lockDuration?: number | undefined;
  /** How often the worker looks for messages of workers that are gone: milliseconds. Default 30,000. */
  stalledInterval?: number | undefined;
}

/** Options with every default filled in. */
export interface ResolvedWorkerOptions {
  readonly connection: QueueLocation["connection"];
  readonly queue: string;
  readonly prefix: string | undefined;
  readonly pool: SmtpPool;
  /** Whether the pool is the worker's own. */
  readonly ownPool: boolean;
  readonly concurrency: number;
  readonly text: ResolveText | undefined;
  readonly retries: Retries;
  readonly unknown: "hold" | "retry";
  readonly keepDelivered: KeepJobs;
  readonly keepFailed: KeepJobs;
  readonly lockDuration: number;
  readonly stalledInterval: number;
}

const KEEP_FAILED = { age: 7 * 24 * 3_600, count: 100_000 };

/** BullMQ's count for those that are never removed. */
const ALL = -1;

const fraction: check.Check = (value) =>
  typeof value === "number" && value >= 0 && value <= 1 ? undefined : "must be a number from 0 to 1";

const fromOne: check.Check = (value) =>
  typeof value === "number" && value >= 1 && Number.isFinite(value)
    ? undefined
    : "must be a number from 1 up";

const keep = (name: string): check.Check =>
  check.record({ age: check.integer(0), count: check.integer(0) }, name);

const FIELDS: Record<keyof WorkerOptions, check.Check> = {
  ...LOCATION_FIELDS,
  pool: (value) =>
    typeof value === "string" || check.isRecord(value)
      ? undefined
      : "must be a pool, the options of one, or a URL",
  concurrency: check.integer(1, 10_000),
  text: check.func,
  retries: check.record(
    {
      delay: check.milliseconds,
      factor: fromOne,
      maxDelay: check.milliseconds,
      jitter: fraction,
      maxAge: check.integer(0),
    },
    "retries",
  ),
  unknown: check.oneOf("hold", "retry"),
  keepDelivered: keep("keepDelivered"),
  keepFailed: keep("keepFailed"),
  lockDuration: check.milliseconds,
  stalledInterval: check.milliseconds,
};

/** Checks options and fills in the defaults. @throws TypeError that names the option */
export function resolveWorkerOptions(given: WorkerOptions<never>): ResolvedWorkerOptions {
  const options = check.readRecord(given, FIELDS, "options") as Partial<WorkerOptions>;
  const { connection, pool } = options;
  if (connection === undefined) throw new TypeError("options.connection is missing");
  if (pool === undefined) throw new TypeError("options.pool is missing");
  return {
    connection,
    queue: options.queue ?? DEFAULT_QUEUE,
    prefix: options.prefix,
    pool: pool instanceof SmtpPool ? pool : new SmtpPool(pool),
    ownPool: !(pool instanceof SmtpPool),
    concurrency: options.concurrency ?? 500,
    text: options.text,
    retries: { ...RETRIES, ...defined(options.retries) },
    unknown: options.unknown ?? "hold",
    keepDelivered: kept(options.keepDelivered ?? { count: 0 }),
    keepFailed: kept(options.keepFailed ?? KEEP_FAILED),
    lockDuration: options.lockDuration ?? 30_000,
    stalledInterval: options.stalledInterval ?? 30_000,
  };
}

/** As BullMQ has it. */
function kept({ age, count }: Keep): KeepJobs {
  if (age === undefined) return { count: count ?? ALL };
  return count === undefined ? { age } : { age, count };
}

/** What is given, without what is undefined: it would hide a default. */
function defined<T extends object>(given: T | undefined): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
