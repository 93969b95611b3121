import { type Attributes, type AttributeValue, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { milliseconds, type SpanNode, spanId, spanLabel, spanTrees } from "./span-tree.ts";

/** The attributes that say how it went; a 0 says nothing. A label has the message's id, OTLP has all of them. */
const SHOWN = new Set([
  "error.type",
  "smtp.message.wait_ms",
  "smtp.message.part",
  "smtp.recipients.count",
  "smtp.recipients.succeeded",
  "smtp.recipients.failed",
  "smtp.recipients.unknown",
  "smtp.recipient.stage",
  "smtp.recipient.retryable",
  "smtp.response.status_code",
  "smtp.group.id",
  "smtp.group.commands",
  "smtp.group.bytes_sent",
]);

/** A span and the lines that stand before and below it. */
interface Row {
  readonly span: ReadableSpan;
  /** Before its label: the branches. */
  readonly branch: string;
  /** Before what is told of it in further lines: the branches that go on. */
  readonly below: string;
}

/**
 * Draws spans as a tree: label, duration and status; below, attributes, events and links.
 * @param width columns to which what stands below is wrapped
 */
export function drawTree(spans: readonly ReadableSpan[], width: number): string[] {
  const rows = spanTrees(spans).flatMap((root) => rowsOf(root, "", ""));
  const labels = new Map(spans.map((span) => [spanId(span), spanLabel(span)]));
  const column = Math.max(...rows.map(({ span, branch }) => branch.length + spanLabel(span).length));
  return rows.flatMap(({ span, branch, below }) => {
    const label = `${branch}${spanLabel(span)}`.padEnd(column);
    const duration = `${milliseconds(span.duration).toFixed(1)} ms`.padStart(9);
    const row = `${label}  ${duration}  `;
    const { word, why } = status(span);
    const whole = why === "" ? `${row}${word}` : `${row}${word}: ${why}`;
    // Why it failed goes below where it does not fit.
    const fits = why === "" || whole.length <= width;
    return [
      fits ? whole : `${row}${word}`,
      ...[...(fits ? [] : [[why]]), ...details(span, labels)].flatMap((words) =>
        wrap(words, width - below.length - 4).map((line) => `${below}    ${line}`),
      ),
    ];
  });
}

function rowsOf({ span, children }: SpanNode, branch: string, indent: string): Row[] {
  return [
    { span, branch, below: children.length > 0 ? `${indent}│` : `${indent} ` },
    ...children.flatMap((child, i) => {
      const last = i === children.length - 1;
      return rowsOf(child, `${indent}${last ? "└─ " : "├─ "}`, `${indent}${last ? "   " : "│  "}`);
    }),
  ];
}

function status({ status: { code, message = "" } }: ReadableSpan): { word: string; why: string } {
  if (code !== SpanStatusCode.ERROR) return { word: code === SpanStatusCode.OK ? "ok" : "unset", why: "" };
  return { word: "ERROR", why: message };
}

/** What is told of a span: lists of words, each begins a line. */
function details(span: ReadableSpan, labels: ReadonlyMap<string, string>): string[][] {
  const start = milliseconds(span.startTime);
  return [
    words(span.attributes),
    ...span.events.map(({ name, time, attributes }) => [
      `event ${name} at ${(milliseconds(time) - start).toFixed(1)} ms`,
      ...words(attributes ?? {}),
    ]),
    ...span.links.map(({ context, attributes }) => [
      `link to ${labels.get(context.spanId) ?? `span ${context.spanId}`}`,
      ...words(attributes ?? {}),
    ]),
  ].filter((line) => line.length > 0);
}

function words(attributes: Attributes): string[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined || value === 0 || !SHOWN.has(key) ? [] : [`${key}=${shown(value)}`],
  );
}

function shown(value: AttributeValue): string {
  if (typeof value !== "number") return String(value);
  return String(Math.round(value * 10) / 10);
}

/** Lines of words; further lines are indented. */
function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line === undefined) lines.push(word);
    else if (line.length + 2 + word.length <= width) lines[lines.length - 1] = `${line}  ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines;
}
