import type { EventEmitter } from "eventemitter3";
import { type Count, Maker, type Measure, type Watch } from "../observability/metrics/instruments.ts";
import { checkedOptions, type MetricsOptions } from "../observability/metrics/options.ts";
import type { JobResult, RecipientOutcome, WorkerEventName, WorkerEvents } from "./events.ts";
import type { QueueDepth } from "./records.ts";

/** A listener as the emitter's own types have it. */
type Listener<E extends WorkerEventName> = EventEmitter.EventListener<WorkerEvents, E>;

/** What worker metrics attach to: a worker. */
export interface WorkerTarget {
  on<E extends WorkerEventName>(event: E, listener: Listener<E>): unknown;
  off<E extends WorkerEventName>(event: E, listener: Listener<E>): unknown;
  depth(): Promise<QueueDepth>;
}

const STATES = ["waiting", "prioritized", "active", "delayed", "held", "failed"] as const;
const RESULTS: readonly JobResult[] = ["delivered", "partial", "rejected", "expired"];
const FATES: readonly RecipientOutcome[] = ["succeeded", "failed", "expired"];

/** From messages that leave at once to those that are given up after days: seconds. */
const AGE_BUCKETS: readonly number[] = [
  0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800,
];
const TRY_BUCKETS: readonly number[] = [1, 2, 3, 5, 8, 12, 20, 50, 100];

/** How long a scrape waits for Redis: milliseconds. Then the depth is said to be no number. */
const DEPTH_WAIT = 2_000;

interface JobInstruments {
  readonly depth: Watch;
  readonly jobs: Count;
  readonly deferrals: Count;
  readonly holds: Count;
  readonly takeovers: Count;
  readonly losses: Count;
  readonly recipients: Count;
  readonly recipientDeferrals: Count;
  readonly recipientUnknowns: Count;
  readonly age: Measure;
  readonly tries: Measure;
  readonly errors: Count;
  readonly telemetryErrors: Count;
}

/**
 * Counts what a worker does with its jobs, and reads the depth of its queue, in Prometheus metrics. What its pool does
 * `attachMetrics(worker.pool, …)` counts. Every worker of a queue reads the same depth: take the `max` of it.
 *
 * @returns a function that detaches; the metrics stay in the register with their values
 * @throws TypeError that names the option; Error if the register has other metrics of these names
 *
 * @example
 * import * as prometheus from "prom-client";
 * import { attachWorkerMetrics } from "smtp-pipelining/worker";
 * attachWorkerMetrics(worker, { prometheus, client: "newsletter" });
 */
export function attachWorkerMetrics(worker: WorkerTarget, options: MetricsOptions): () => void {
  const { buckets, ...rest } = checkedOptions(options);
  const metrics = makeInstruments(new Maker({ ...rest, buckets }), buckets ?? AGE_BUCKETS);
  const listeners = listenersOf(metrics);
  const names = Object.keys(listeners) as WorkerEventName[];
  const unwatch = metrics.depth(() => readDepth(worker));
  for (const name of names) worker.on(name, listeners[name] as never);
  const detach = (): void => {
    unwatch();
    for (const name of names) worker.off(name, listeners[name] as never);
    worker.off("close", detach);
  };
  worker.on("close", detach);
  return detach;
}

function listenersOf(metrics: JobInstruments): Partial<WorkerEvents> {
  /** What fails here is counted, and never reaches the worker. */
  const guarded = <E>(count: (event: E) => void): ((event: E) => void) => {
    return (event) => {
      try {
        count(event);
      } catch {
        metrics.telemetryErrors(1);
      }
    };
  };
  return {
    recipient: guarded(({ outcome }) => {
      if (outcome === "deferred") metrics.recipientDeferrals(1);
      else if (outcome === "unknown") metrics.recipientUnknowns(1);
      else metrics.recipients(1, outcome);
    }),
    jobDeferred: guarded(() => metrics.deferrals(1)),
    jobHeld: guarded(() => metrics.holds(1)),
    jobEnd: guarded(({ result, ageMs, tries }) => {
      metrics.jobs(1, result);
      metrics.age(ageMs / 1_000, undefined, result);
      metrics.tries(tries, undefined);
    }),
    jobLost: guarded(() => metrics.losses(1)),
    jobStalled: guarded(() => metrics.takeovers(1)),
    error: guarded(() => metrics.errors(1)),
  };
}

async function readDepth(
  worker: WorkerTarget,
): Promise<readonly (readonly [value: number, state: string])[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, DEPTH_WAIT, undefined).unref();
  });
  const depth = await Promise.race([worker.depth().catch(() => undefined), late]);
  clearTimeout(timer);
  return STATES.map((state) => [depth?.[state] ?? Number.NaN, state]);
}

function makeInstruments(make: Maker, ages: readonly number[]): JobInstruments {
  return {
    depth: make.gauge(
      "queue_jobs",
      "Jobs in the queue, by state: all workers of a queue say the same",
      [["state", STATES]],
      Math.max,
    ),
    jobs: make.counter("jobs_total", "Jobs whose every recipient has its fate, by result", [
      ["result", RESULTS],
    ]),
    deferrals: make.counter("job_deferrals_total", "Jobs put off for another try"),
    holds: make.counter("job_holds_total", "Jobs that wait for a decision about an unknown fate"),
    takeovers: make.counter("job_takeovers_total", "Jobs found that a worker had left behind"),
    losses: make.counter("job_losses_total", "Jobs that became another worker's while this one had them"),
    recipients: make.counter("job_recipients_total", "Recipients of jobs whose fate is final, by fate", [
      ["result", FATES],
    ]),
    recipientDeferrals: make.counter("job_recipient_deferrals_total", "Recipients put off for another try"),
    recipientUnknowns: make.counter("job_recipient_unknowns_total", "Recipients whose fate became unknown"),
    age: make.histogram("job_age_seconds", "From when a job was due first to its end", ages, [
      ["result", RESULTS],
    ]),
    tries: make.histogram("job_tries", "Deliveries begun for a job", TRY_BUCKETS),
    errors: make.counter("worker_errors_total", "Failures that a worker coped with"),
    telemetryErrors: make.counter(
      "telemetry_errors_total",
      "Failures of these metrics themselves: something was not counted",
    ),
  };
}
