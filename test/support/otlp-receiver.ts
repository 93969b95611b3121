// @ts-expect-error: it brings no types; what is used of it stands below.
import { MockOtlpServer } from "@elastic/mockotlpserver";
import { onTestFinished } from "vitest";

/** A request of OTLP/HTTP with a JSON body, as far as tests look into it. */
export interface TraceRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly OtlpSpan[];
    }[];
  }[];
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** Nanoseconds, in decimal. */
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly OtlpAttribute[];
  readonly status: { readonly code: number };
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
}

interface Receiver {
  readonly httpUrl: URL;
  start(): Promise<void>;
  close(): Promise<void>;
}

interface ReceiverOptions {
  readonly services: readonly "http"[];
  readonly httpHostname: string;
  readonly httpPort: number;
  readonly logLevel: string;
  readonly onTrace: (request: TraceRequest) => void;
}

/** Receives spans over OTLP/HTTP in this process, for one test. */
export async function startOtlpReceiver(): Promise<{
  readonly url: string;
  readonly requests: TraceRequest[];
}> {
  const requests: TraceRequest[] = [];
  const Receiver: new (options: ReceiverOptions) => Receiver = MockOtlpServer;
  const receiver = new Receiver({
    services: ["http"],
    httpHostname: "127.0.0.1",
    httpPort: 0,
    logLevel: "fatal",
    onTrace: (request) => requests.push(request),
  });
  await receiver.start();
  onTestFinished(() => receiver.close());
  return { url: receiver.httpUrl.href, requests };
}
