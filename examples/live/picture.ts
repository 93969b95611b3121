import type { SessionState } from "smtp-pipelining";
import { count, number } from "../deliver/screen.ts";
import { bar, sparkline } from "../terminal/charts.ts";
import { fill } from "../terminal/columns.ts";
import type { Row, Stretch } from "../terminal/live-area.ts";
import type { Flight, GroupInFlight, Mark } from "./flight.ts";

/** What is shown beside what the events tell. Times are epoch milliseconds. */
export interface Situation {
  readonly total: number;
  readonly startedAt: number;
  readonly now: number;
  /** Messages whose fate is open. */
  readonly pending: number;
  /** Commands that are not answered yet. */
  readonly inFlight: number;
  readonly state: SessionState;
  /** Whether it was asked to stop: it settles what was begun, and closes. */
  readonly interrupted: boolean;
}

const MARKS: Readonly<Record<Mark, Stretch>> = {
  waiting: ["dim", "·"],
  accepted: ["green", "✓"],
  refused: ["red", "✗"],
  lost: ["yellow", "?"],
};

/** The session as rows of a terminal. */
export function pictureOfFlight(flight: Flight, situation: Situation, columns: number): Row[] {
  const { total, startedAt, now, pending, inFlight, state, interrupted } = situation;
  const { messages, succeeded, failed, unknown, roundTrips, saved } = flight;
  const width = Math.min(columns, 100);
  const barWidth = Math.max(width - 24, 8);
  const most = Math.max(succeeded, failed, unknown, 1);
  const fate = (name: string, value: number, colour: "green" | "red" | "yellow"): Row => [
    label(name),
    `${number(value).padStart(7)}  `,
    [colour, bar(value / most, barWidth)],
  ];
  const rate = `${flight.rate(now, startedAt).toFixed(1)} messages/s`;
  return [
    [
      ["bold", `${number(messages)} of ${count(total, "message")}`],
      interrupted && state !== "closed"
        ? ["yellow", "  stopping; Ctrl-C again ends it at once"]
        : `  ${rate}  ${seconds(now - startedAt)}`,
    ],
    [["cyan", fill(bar(messages / total, width), width).replaceAll(" ", "░")]],
    [],
    fate("Succeeded", succeeded, "green"),
    fate("Failed", failed, "red"),
    fate("Unknown", unknown, "yellow"),
    [
      label("In flight"),
      `${number(inFlight).padStart(7)}  commands; ${count(pending, "message")} begun or queued`,
    ],
    [label("Round trips"), `${number(roundTrips).padStart(7)}  ${number(saved)} saved`],
    [],
    [["bold", "Command groups"], "  · waits  ✓ accepted  ✗ refused"],
    ...flight.groups.map((group) => rowOfGroup(group, now, width)),
    [],
    durations(flight.durations, width),
    [],
    [["bold", "Last refusals"]],
    ...flight.refusals.map(({ address, why }): Row => [`  ${fill(address, 24)}  `, ["red", why]]),
  ];
}

function rowOfGroup({ id, commands, startedAt, durationMs }: GroupInFlight, now: number, width: number): Row {
  const names = fill(runs(commands.map(({ command }) => command)), 30);
  const time = `${number(durationMs ?? Math.max(now - startedAt, 0))} ms`.padStart(9);
  // Behind the number, the names and the time.
  const room = Math.max(width - 50, 1);
  const marks = commands.slice(0, room).map(({ mark }) => MARKS[mark]);
  const more = commands.length > room ? "…" : "";
  const open = durationMs === undefined;
  return [`${String(id).padStart(6)}  `, open ? ["bold", names] : names, time, "  ", ...marks, more];
}

/** `MAIL RCPT RCPT DATA` as `MAIL RCPT×2 DATA`. */
function runs(commands: readonly string[]): string {
  const shown: { command: string; times: number }[] = [];
  for (const command of commands) {
    const last = shown.at(-1);
    if (last?.command === command) last.times++;
    else shown.push({ command, times: 1 });
  }
  return shown.map(({ command, times }) => (times > 1 ? `${command}×${times}` : command)).join(" ");
}

function durations(values: readonly number[], width: number): Row {
  if (values.length === 0) return [["bold", "Durations"]];
  const range = `${number(Math.min(...values))} to ${number(Math.max(...values))} ms`;
  return [["bold", "Durations"], `  ${range}  `, ["cyan", sparkline(values.slice(-Math.max(width - 30, 1)))]];
}

/** The session as one line, for who reads no terminal. */
export function lineOfFlight(flight: Flight, { total, startedAt, now, inFlight }: Situation): string {
  const { messages, saved } = flight;
  return (
    `${seconds(now - startedAt)}: ${number(messages)} of ${count(total, "message")}` +
    `, ${flight.rate(now, startedAt).toFixed(1)} messages/s, ${fates(flight)}` +
    `, ${count(inFlight, "command")} in flight, ${count(saved, "round trip")} saved`
  );
}

/** How it went, in the end. */
export function summaryOfFlight(flight: Flight, { startedAt, now, interrupted }: Situation): string[] {
  const { messages, roundTrips, saved, aborted, error } = flight;
  const took = now - startedAt;
  const lines = [
    `${count(messages, "message")} in ${seconds(took)} (${((messages / took) * 1_000).toFixed(1)} messages/s): ${fates(flight)}.`,
    `${count(roundTrips, "round trip")}; one command at a time: ${number(roundTrips + saved)}.`,
  ];
  if (interrupted)
    lines.push(`Interrupted: ${count(aborted, "recipient")} of messages that had not begun failed by it.`);
  if (error !== undefined) lines.push(`The session failed: ${error.message} (${error.code})`);
  return lines;
}

function fates({ succeeded, failed, unknown }: Flight): string {
  return `${number(succeeded)} succeeded, ${number(failed)} failed, ${number(unknown)} unknown`;
}

function label(name: string): string {
  return name.padEnd(12);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
