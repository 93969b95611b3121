import { type Results, type Row, ratios, roundTrips, times } from "../results.ts";
import { median } from "../statistics.ts";
import { LIBRARY, PEERS } from "../variants.ts";

/** What the bench asks of the library. */
export interface Check {
  /** What is asked. */
  readonly text: string;
  /** What was measured, in words. */
  readonly measured: string;
  /** Undefined: not measured, because it was not asked for. */
  readonly met: boolean | undefined;
}

type Found = (title: string) => Row;

class NotMeasured extends Error {}

/** One demand: text, the scenario it is about, and a value that must lie within a bound. */
interface Demand {
  readonly text: string;
  readonly scenario: string;
  readonly value: (row: Found) => number;
  readonly atMost?: number;
  readonly atLeast?: number;
}

const MEGABYTE = 1_000_000;

function perMessage(row: Row): number {
  return roundTrips(row) / row.messages;
}

function timePerMessage(row: Row): number {
  return median(times(row)) / row.messages;
}

function faster(title: string, base: string): (row: Found) => number {
  return (row) => median(ratios(row(title), row(base)));
}

function growth(title: string): (row: Found) => number {
  return (row) =>
    timePerMessage(row(`${title}, 100,000 messages`)) / timePerMessage(row(`${title}, 1,000 messages`));
}

const { nodemailer } = PEERS;
const { data, strict, bursts } = LIBRARY;

const DEMANDS: readonly Demand[] = [
  {
    text: "DATA, 50 ms away: round trips a message over 100 messages",
    scenario: "far",
    value: (row) => perMessage(row(data)),
    atMost: 1.04,
  },
  {
    text: "CHUNKING strict, 50 ms away: round trips a message over 100 messages",
    scenario: "far",
    value: (row) => perMessage(row(strict)),
    atMost: 1.04,
  },
  {
    text: "CHUNKING bursts, 50 ms away: round trips for 1,000 messages, connect and probe included",
    scenario: "far-many",
    value: (row) => roundTrips(row(bursts)),
    atMost: 8,
  },
  {
    text: "CHUNKING bursts, 50 ms away, 1,000 messages: times faster than nodemailer with 1 connection",
    scenario: "far-many",
    value: faster(bursts, nodemailer),
    atLeast: 250,
  },
  {
    text: "CHUNKING bursts, one machine: times faster than nodemailer with 1 connection",
    scenario: "loopback",
    value: faster(bursts, nodemailer),
    atLeast: 25,
  },
  {
    text: "DATA, one machine: times faster than nodemailer with 1 connection",
    scenario: "loopback",
    value: faster(data, nodemailer),
    atLeast: 2.5,
  },
  {
    text: "DATA, 1 GiB from a stream: times faster than nodemailer",
    scenario: "stream",
    value: faster(data, nodemailer),
    atLeast: 3,
  },
  ...[strict, bursts].map((title) => ({
    text: `${title.replace("smtp-pipelining, ", "")}, 1 GiB from a stream: times faster than nodemailer`,
    scenario: "stream",
    value: faster(title, nodemailer),
    atLeast: 5,
  })),
  ...[data, strict, bursts].map((title) => ({
    text: `${title.replace("smtp-pipelining, ", "")}, 1 GiB from a stream: peak memory of the process, MB`,
    scenario: "stream",
    value: (row: Found) => (row(title).peakMemory ?? Number.NaN) / MEGABYTE,
    atMost: 100,
  })),
  ...[data, bursts].map((title) => ({
    text: `${title.replace("smtp-pipelining, ", "")}: time a message over 100,000 messages in relation to 1,000`,
    scenario: "growth",
    value: growth(title),
    atMost: 1.2,
  })),
  ...["DATA", "CHUNKING bursts"].flatMap((mode) =>
    (
      [
        ["every event", 0.7],
        ["metrics", 0.7],
        ["metrics and tracing", 0.6],
      ] as const
    ).map(([watcher, atLeast]) => ({
      text: `${mode}, ${watcher}: rate in relation to no listener`,
      scenario: mode === "DATA" ? "observability" : "observability-bursts",
      value: faster(`${mode}, ${watcher}`, `${mode}, no listener`),
      atLeast,
    })),
  ),
];

/** Holds results to what is asked. */
export function checks(results: Pick<Results, "scenarios">): Check[] {
  return DEMANDS.map(({ text, scenario, value, atMost, atLeast }) => {
    const bound = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
    const asked = `${text}: ${bound}`;
    const rows = results.scenarios.find(({ name }) => name === scenario)?.rows ?? [];
    try {
      const measured = value((title) => {
        const row = rows.find((each) => each.title === title);
        if (row === undefined) throw new NotMeasured();
        if (row.failed !== undefined) throw new Error(row.failed);
        return row;
      });
      // NaN is within no bound.
      const met = atMost === undefined ? measured >= (atLeast ?? 0) : measured <= atMost;
      return { text: asked, measured: measured.toPrecision(3), met };
    } catch (error) {
      if (error instanceof NotMeasured) return { text: asked, measured: "not measured", met: undefined };
      return { text: asked, measured: String(error), met: false };
    }
  });
}

/** The checks for people. */
export function checkLines(results: readonly Check[]): string[] {
  return results.map(({ text, measured, met }) => {
    const verdict = met === undefined ? "  - " : met ? " yes" : "  NO";
    return `${verdict}  ${text}: ${measured}`;
  });
}
