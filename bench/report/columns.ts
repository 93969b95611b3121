import {
  inSequence,
  processorTime,
  queueCost,
  type Row,
  rate,
  ratios,
  roundTrips,
  type ScenarioResult,
  throughput,
  times,
} from "../results.ts";
import type { Column } from "../scenarios.ts";
import { median } from "../statistics.ts";

/** A column of a table: its heads, what it means, and what it says of a row. */
export interface ColumnText {
  readonly head: string;
  readonly meaning: string;
  cell(row: Row, base: Row | undefined): string;
}

const MEGABYTE = 1_000_000;

/** Milliseconds for people. */
function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
  const seconds = milliseconds / 1_000;
  return `${seconds.toFixed(seconds < 100 ? 2 : 0)} s`;
}

/** A number for people, with three figures that mean something. */
export function count(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3).replace(/\.?0+$/, "");
}

function known(value: number, shown: (value: number) => string): string {
  return Number.isNaN(value) ? "" : shown(value);
}

function spread(values: readonly number[], shown: (value: number) => string): string {
  return values.length > 1 ? ` (${shown(Math.min(...values))} to ${shown(Math.max(...values))})` : "";
}

function withSpread(values: readonly number[], shown: (value: number) => string): string {
  return `${known(median(values), shown)}${spread(values, shown)}`;
}

/** All columns that there are. */
export const COLUMNS: Readonly<Record<Column, ColumnText>> = {
  time: {
    head: "time",
    meaning: "from before the connect to the last answer: median of the rounds (fastest to slowest)",
    cell: (row) => withSpread(times(row), duration),
  },
  rate: {
    head: "messages/s",
    meaning: "by the median of the rounds' times",
    cell: (row) => known(rate(row), count),
  },
  throughput: {
    head: "MiB/s",
    meaning: "by the median of the rounds' times",
    cell: (row) => known(throughput(row), count),
  },
  ratio: {
    head: "times faster",
    meaning: "than the base, within each round: median of the rounds (smallest to largest)",
    cell: (row, base) => (base === undefined ? "" : withSpread(ratios(row, base), count)),
  },
  share: {
    head: "of the rate",
    meaning: "of the base, within each round: median of the rounds (smallest to largest)",
    cell: (row, base) => (base === undefined ? "" : withSpread(ratios(row, base), percent)),
  },
  roundTrips: {
    head: "round trips",
    meaning:
      "how often a connection sent after it had been told something new, QUIT not counted (of several connections, the " +
      "most); in brackets, how many of them had to follow one another, where that is less",
    cell: (row) => {
      const sequence = inSequence(row);
      const shown = known(roundTrips(row), (value) => value.toLocaleString("en"));
      return sequence < roundTrips(row) ? `${shown} (${sequence.toLocaleString("en")})` : shown;
    },
  },
  perMessage: {
    head: "a message",
    meaning: "round trips for each message",
    cell: (row) => known(roundTrips(row) / (row.scaledFrom ?? row.messages), (value) => value.toFixed(3)),
  },
  processor: {
    head: "CPU µs/message",
    meaning: "processor time of the client's process, of a queue's workers together; median of the rounds",
    cell: (row) => known(processorTime(row), (value) => value.toFixed(1)),
  },
  redisProcessor: {
    head: "Redis, CPU µs/message",
    meaning: "processor time of Redis for adding and delivering; median of the rounds",
    cell: (row) => known(queueCost(row, "redisProcessor") * 1_000, (value) => value.toFixed(1)),
  },
  adding: {
    head: "added/s",
    meaning:
      "messages a second that one producer adds, 500 at a time, before the clock runs; median of the rounds",
    cell: (row) => known(1_000 / queueCost(row, "adding"), count),
  },
  redisMemory: {
    head: "Redis, octets/message",
    meaning: "memory of Redis for each message while it is queued, its text included; median of the rounds",
    cell: (row) => known(queueCost(row, "redisMemory"), count),
  },
  redisLeft: {
    head: "left",
    meaning:
      "octets a message left in Redis when it is delivered: its id, remembered for a while, and what is not given back",
    cell: (row) => known(queueCost(row, "redisLeft"), count),
  },
  peakMemory: {
    head: "peak memory",
    meaning: "largest resident set of the client's process, Node.js itself included",
    cell: ({ peakMemory }) => (peakMemory === undefined ? "" : `${(peakMemory / MEGABYTE).toFixed(0)} MB`),
  },
  heap: {
    head: "heap, octets/message",
    meaning:
      "what is on the heap after all messages and was not before, the session still open, for each message",
    cell: ({ heap, messages }) => (heap === undefined ? "" : (heap / messages).toFixed(1)),
  },
};

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}

/** The cells of a scenario, heads first. */
export function cells(result: ScenarioResult, columns: readonly Column[]): string[][] {
  const base = result.rows.find(({ title }) => title === result.base);
  return [
    ["", ...columns.map((column) => COLUMNS[column].head)],
    ...result.rows.map((row) => {
      const scaled = row.scaledFrom === undefined ? "" : ` *`;
      if (row.runs.length === 0) return [row.title, `not measured: ${row.failed ?? "left out"}`];
      return [`${row.title}${scaled}`, ...columns.map((column) => COLUMNS[column].cell(row, base))];
    }),
  ];
}

/** What has to be said below a table. */
export function remarks(result: ScenarioResult): string[] {
  const samples = new Set(
    result.rows.flatMap(({ scaledFrom }) => (scaledFrom === undefined ? [] : [scaledFrom])),
  );
  return [
    ...[...samples].map(
      (sample) => `* each run sent ${sample} messages: its time is scaled up, its round trips are not`,
    ),
    ...result.leftOut.map((reason) => `left out: ${reason}`),
  ];
}
