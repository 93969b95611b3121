import { SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { shorten } from "../deliver/screen.ts";
import { milliseconds, type SpanNode, spanLabel, spanTrees } from "./span-tree.ts";

const UNDER_WAY = "█";
const FAILED = "▒";
const WAITING = "·";

/** A span, and how deep in its tree it stands. */
interface Row {
  readonly span: ReadableSpan;
  readonly depth: number;
}

/** What a column of the picture stands for. */
interface Scale {
  /** The column of a time: milliseconds since the epoch. */
  readonly column: (time: number) => number;
  readonly columns: number;
}

/**
 * Draws spans as bars over time, one row a span, a span's children below it. A message waits before its first
 * command; a group names the messages that it carries something of.
 * @param width columns of the whole
 */
export function drawWaterfall(spans: readonly ReadableSpan[], width: number): string[] {
  if (spans.length === 0) return [];
  const rows = spanTrees(spans).flatMap((root) => rowsOf(root, 0));
  const labels = rows.map(({ span, depth }) => `${"  ".repeat(depth)}${spanLabel(span)}`);
  const labelWidth = Math.min(Math.max(...labels.map(({ length }) => length)), Math.floor(width * 0.4));
  const columns = width - labelWidth - 2;
  const begin = Math.min(...spans.map(({ startTime }) => milliseconds(startTime)));
  const total = Math.max(...spans.map(({ endTime }) => milliseconds(endTime))) - begin;
  const column = (time: number): number =>
    total === 0 ? 0 : Math.min(Math.max(Math.round(((time - begin) / total) * columns), 0), columns);
  const line = (label: string, picture: string): string =>
    `${shorten(label, labelWidth).padEnd(labelWidth)}  ${picture}`.trimEnd();
  return [
    line("", axis(total, columns)),
    ...rows.map(({ span }, i) => line(labels[i] ?? "", picture(span, { column, columns }))),
    "",
    `${UNDER_WAY} under way   ${FAILED} failed   ${WAITING} waiting for its turn`,
    "1 end, 2 start: text of message 1 and envelope of message 2",
  ];
}

function rowsOf({ span, children }: SpanNode, depth: number): Row[] {
  return [{ span, depth }, ...children.flatMap((child) => rowsOf(child, depth + 1))];
}

function axis(total: number, columns: number): string {
  const end = `${Math.round(total)} ms`;
  const middle = `${Math.round(total / 2)} ms`;
  const half = Math.floor(columns / 2);
  const right = columns - half - end.length;
  return `${"0 ms".padEnd(half)}${(middle.length < right ? middle : "").padEnd(right)}${end}`;
}

function picture(span: ReadableSpan, { column, columns }: Scale): string {
  const start = milliseconds(span.startTime);
  // At least one column: the last, if it begins at the very end.
  const from = Math.min(column(start), columns - 1);
  const to = Math.max(column(milliseconds(span.endTime)), from + 1);
  const waited = span.attributes["smtp.message.wait_ms"];
  const begun = typeof waited === "number" ? Math.min(column(start + waited), to - 1) : from;
  const fill = span.status.code === SpanStatusCode.ERROR ? FAILED : UNDER_WAY;
  const bar = WAITING.repeat(begun - from) + fill.repeat(to - begun);
  const note = carried(span);
  const indent = " ".repeat(from);
  if (note === "") return indent + bar;
  if (to + 1 + note.length <= columns) return `${indent}${bar} ${note}`;
  if (note.length + 1 <= from) return `${note.padStart(from - 1)} ${bar}`;
  // A bar that leaves no room on either side has room within.
  const within = ` ${note} `;
  return bar.length < within.length + 2
    ? indent + bar
    : `${indent}${fill}${within}${bar.slice(within.length + 1)}`;
}

/** `1 end, 2 start`: what of which messages a group carries. */
function carried({ links }: ReadableSpan): string {
  return links
    .map(({ attributes }) => `${attributes?.["smtp.message.seq"]} ${attributes?.["smtp.message.part"]}`)
    .join(", ");
}
