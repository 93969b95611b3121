import { type Attributes, type HrTime, SpanKind, type SpanStatus, SpanStatusCode } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

/** When hand-made spans begin: milliseconds since the epoch. */
const EPOCH = 1_700_000_000_000;

export interface HandMadeSpan {
  readonly id: string;
  readonly parent?: string;
  readonly name: string;
  /** Milliseconds since the first of them began. */
  readonly from: number;
  readonly to: number;
  readonly attributes?: Attributes;
  readonly status?: SpanStatus;
  /** Ids of spans, and what the links say. */
  readonly links?: Readonly<Record<string, Attributes>>;
  readonly events?: readonly {
    readonly name: string;
    readonly at: number;
    readonly attributes?: Attributes;
  }[];
}

/** A span that no SDK has recorded. */
export function handMadeSpan(span: HandMadeSpan): ReadableSpan {
  const { id, parent, name, from, to, attributes = {}, links = {}, events = [] } = span;
  return {
    name,
    kind: SpanKind.CLIENT,
    spanContext: () => spanContext(id),
    ...(parent !== undefined && { parentSpanContext: spanContext(parent) }),
    startTime: hrTime(EPOCH + from),
    endTime: hrTime(EPOCH + to),
    duration: hrTime(to - from),
    status: span.status ?? { code: SpanStatusCode.UNSET },
    attributes,
    links: Object.entries(links).map(([to, said]) => ({ context: spanContext(to), attributes: said })),
    events: events.map(({ at, ...event }) => ({ ...event, time: hrTime(EPOCH + at) })),
    ended: true,
    resource: resourceFromAttributes({}),
    instrumentationScope: { name: "hand" },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function spanContext(spanId: string): { traceId: string; spanId: string; traceFlags: number } {
  return { traceId: "trace", spanId, traceFlags: 1 };
}

function hrTime(ms: number): HrTime {
  return [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)];
}
