import { median } from "./statistics.ts";
import type { VariantName } from "./variants.ts";

// What was measured: the shape of results.json, and what follows from it.

/** What a queue in Redis took. */
export interface QueueCosts {
  /** Milliseconds until all messages were in the queue, before the run. */
  readonly adding: number;
  /** Processor time of the workers' processes, milliseconds. */
  readonly processor: number;
  /** Processor time of Redis for adding all messages and delivering them, milliseconds. */
  readonly redisProcessor: number;
  /** Octets in Redis for all messages while they were queued. */
  readonly redisMemory: number;
  /** Octets left of them in Redis when all are delivered. */
  readonly redisLeft: number;
}

/** One run of one entry. */
export interface Run {
  /** From before the connect to the last message's answer. */
  readonly milliseconds: number;
  /** Processor time of the client's process in milliseconds, where it is known. */
  readonly processor?: number;
  /** Of a queue, where there is one. */
  readonly queue?: QueueCosts;
  /** How often the client sent after it had been told something new, where there was a proxy. */
  readonly roundTrips?: number;
  /** How many of them had to follow one another. */
  readonly inSequence?: number;
}

/** What came out for one entry of a scenario. */
export interface Row {
  readonly variant: VariantName;
  readonly title: string;
  /** Messages of the scenario's work. */
  readonly messages: number;
  /** Messages that each run really sent, where they were fewer: times are scaled up. */
  readonly scaledFrom?: number;
  /** Octets of all texts. */
  readonly octets: number;
  readonly runs: readonly Run[];
  /** Largest resident set of the client's process, octets. */
  readonly peakMemory?: number;
  /** Octets that stayed on the heap while the session was open. */
  readonly heap?: number;
  /** Why there are no (more) runs. */
  readonly failed?: string;
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  /** The title of the row that the others are compared with. */
  readonly base: string;
  readonly rows: readonly Row[];
  /** What was not measured, and why. */
  readonly leftOut: readonly string[];
}

/** What the bench's own programs can do: bounds of what can be measured with them. */
export interface OwnLimits {
  /** Messages of 4 KB a second that the sink takes from a client that writes prebuilt octets and waits for nothing. */
  readonly data: number;
  readonly chunking: number;
  /** The same with DATA through the proxy. */
  readonly proxy: number;
  /** Messages a second with one round trip each, from a client that writes prebuilt octets. */
  readonly oneAtATime: number;
  /** What a round trip of 50 ms through the proxy really takes, milliseconds. */
  readonly roundTrip: number;
  /** MiB a second of one text of DATA, prebuilt. */
  readonly stream: number;
}

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  /** GiB. */
  readonly memory: number;
  readonly system: string;
  readonly node: string;
}

export interface Results {
  readonly measuredAt: string;
  readonly machine: Machine;
  /** Of the other clients. */
  readonly versions: Readonly<Record<string, string>>;
  readonly limits: OwnLimits;
  readonly scenarios: readonly ScenarioResult[];
}

/** Milliseconds for the scenario's whole work, of each run. */
export function times(row: Row): number[] {
  const scale = row.scaledFrom === undefined ? 1 : row.messages / row.scaledFrom;
  return row.runs.map(({ milliseconds }) => milliseconds * scale);
}

/** Messages a second: the median of the runs. */
export function rate(row: Row): number {
  return (row.messages / median(times(row))) * 1_000;
}

/** MiB a second: the median of the runs. */
export function throughput(row: Row): number {
  return (row.octets / 1_048_576 / median(times(row))) * 1_000;
}

/** How many times faster than the base, in each round: machines are noisy, and what disturbs one disturbs both. */
export function ratios(row: Row, base: Row): number[] {
  const own = times(row).map((time) => time / row.messages);
  const others = times(base).map((time) => time / base.messages);
  return own.slice(0, others.length).map((time, round) => (others[round] ?? time) / time);
}

/** Round trips of a run: the median of the runs. */
export function roundTrips(row: Row): number {
  return median(row.runs.flatMap(({ roundTrips: count }) => (count === undefined ? [] : [count])));
}

export function inSequence(row: Row): number {
  return median(row.runs.flatMap(({ inSequence: count }) => (count === undefined ? [] : [count])));
}

/** Microseconds of processor time a message: the median of the runs. */
export function processorTime(row: Row): number {
  const sent = row.scaledFrom ?? row.messages;
  const used = row.runs.flatMap(({ processor }) => (processor === undefined ? [] : [processor]));
  return (median(used) * 1_000) / sent;
}

/** One of a queue's costs, a message: the median of the runs. */
export function queueCost(row: Row, cost: keyof QueueCosts): number {
  return median(row.runs.flatMap(({ queue }) => (queue === undefined ? [] : [queue[cost]]))) / row.messages;
}
