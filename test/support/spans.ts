import { type Context, context, DiagLogLevel, diag, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  type ReadableSpan,
  type Sampler,
  type Span,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** Every span that began and every one that ended, in order. */
export class RecordedSpans implements SpanProcessor {
  readonly started: Span[] = [];
  readonly ended: ReadableSpan[] = [];
  /** What the SDK complains of: a span that is ended twice, or changed behind its end. */
  readonly complaints: string[] = [];
  readonly provider: BasicTracerProvider;

  constructor(sampler?: Sampler) {
    this.provider = new BasicTracerProvider({
      spanProcessors: [this],
      ...(sampler !== undefined && { sampler }),
    });
    const complain = (...words: unknown[]): void => {
      this.complaints.push(words.map(String).join(" "));
    };
    const silent = (): void => undefined;
    const logger = { error: complain, warn: complain, info: silent, debug: silent, verbose: silent };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  }

  onStart(span: Span): void {
    this.started.push(span);
  }

  onEnd(span: ReadableSpan): void {
    this.ended.push(span);
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  /** The ended spans of one name, in the order in which they began. */
  named(name: string): ReadableSpan[] {
    return this.ended.filter((span) => span.name === name);
  }

  /** A context with a span of the application's own. */
  within(name: string): { readonly context: Context; end(): void } {
    const span = this.provider.getTracer("application").startSpan(name);
    return { context: trace.setSpan(context.active(), span), end: () => span.end() };
  }
}

/** Lets contexts follow promises and callbacks, as an application's SDK does. */
export function enableContexts(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

/** What a span is, by names instead of ids: what a test can state. */
export interface Shape {
  readonly name: string;
  readonly parent: string | undefined;
  readonly links: readonly string[];
  readonly status: string;
  readonly error: unknown;
}

/** Spans as shapes; a message's span is called `send 1` by its number. */
export function shapes(spans: readonly ReadableSpan[]): Shape[] {
  const names = new Map(spans.map((span) => [span.spanContext().spanId, called(span)]));
  return spans.map((span) => ({
    name: called(span),
    parent: names.get(span.parentSpanContext?.spanId ?? ""),
    links: span.links.map(
      ({ context: { spanId }, attributes }) =>
        `${names.get(spanId)} ${attributes?.["smtp.message.seq"]} ${attributes?.["smtp.message.part"]}`,
    ),
    status: ["unset", "ok", "error"][span.status.code] ?? "?",
    error: span.attributes["error.type"],
  }));
}

function called({ name, attributes }: ReadableSpan): string {
  return name === "smtp send" ? `send ${attributes["smtp.message.seq"]}` : name;
}
