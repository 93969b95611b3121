import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

const SERVICE_NAME = "newsletter";

export interface Telemetry {
  readonly serviceName: string;
  /** The spans that have ended. */
  readonly spans: readonly ReadableSpan[];
  /** Where {@link export} sends the spans; undefined: nowhere. */
  readonly exportTo: string | undefined;
  /** Sends the spans; fulfils with why they did not arrive, if they did not. */
  export(): Promise<string | undefined>;
}

/**
 * Sets up OpenTelemetry for the process, as an application does at its start.
 * @param endpoint a collector's URL; undefined: spans are only kept in memory
 */
export function startTelemetry(endpoint: string | undefined): Telemetry {
  const memory = new InMemorySpanExporter();
  const exportTo = endpoint === undefined ? undefined : `${endpoint.replace(/\/$/, "")}/v1/traces`;
  // All spans in one request, and only when told: a batch that failed on the way would be lost without a word.
  const batch =
    exportTo === undefined
      ? undefined
      : new BatchSpanProcessor(new OTLPTraceExporter({ url: exportTo }), { scheduledDelayMillis: 600_000 });
  const provider = new BasicTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes({ "service.name": SERVICE_NAME })),
    spanProcessors: [new SimpleSpanProcessor(memory), ...(batch === undefined ? [] : [batch])],
  });
  // Lets the active span follow promises and callbacks.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return {
    serviceName: SERVICE_NAME,
    get spans() {
      return memory.getFinishedSpans();
    },
    exportTo,
    export: async () => {
      try {
        await batch?.forceFlush();
        return undefined;
      } catch (error) {
        return reason(error);
      }
    },
  };
}

/** Of a refused connection to several addresses Node.js gives the code alone, of an HTTP status only its words. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  if (error.message.includes(code)) return error.message;
  return `${code} ${error.message}`.trim();
}
