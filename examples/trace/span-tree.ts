import type { HrTime } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

/** A span, and those whose parent it is, in the order in which they began. */
export interface SpanNode {
  readonly span: ReadableSpan;
  readonly children: readonly SpanNode[];
}

/** The roots: spans without a parent, or whose parent is not among the spans. */
export function spanTrees(spans: readonly ReadableSpan[]): SpanNode[] {
  const known = new Set(spans.map(spanId));
  const childrenOf = new Map<string | undefined, ReadableSpan[]>();
  for (const span of spans) {
    const id = span.parentSpanContext?.spanId;
    const parent = id !== undefined && known.has(id) ? id : undefined;
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), span]);
  }
  const nodesOf = (parent: string | undefined): SpanNode[] =>
    (childrenOf.get(parent) ?? [])
      .toSorted((a, b) => milliseconds(a.startTime) - milliseconds(b.startTime))
      .map((span) => ({ span, children: nodesOf(spanId(span)) }));
  return nodesOf(undefined);
}

export function spanId(span: ReadableSpan): string {
  return span.spanContext().spanId;
}

/** The name, of a message with its id. */
export function spanLabel({ name, attributes }: ReadableSpan): string {
  const id = attributes["messaging.message.id"];
  return id === undefined ? name : `${name} ${id}`;
}

export function milliseconds([seconds, nanoseconds]: HrTime): number {
  return seconds * 1_000 + nanoseconds / 1e6;
}
