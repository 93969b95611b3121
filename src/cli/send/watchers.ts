import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { attachRecorder } from "../../observability/recorder.ts";
import type { ObservationTarget } from "../../observability/target.ts";
import { EX } from "../exit-status.ts";
import { CommandFailure, errorText } from "../failure.ts";
import type { MetricsAddress, SendPlan } from "./plan.ts";

/** Something that watches a run. */
export interface Watcher {
  /** Where to look, if there is something to be told. */
  readonly told?: string;
  /** Ends it. @throws CommandFailure if what it saw is lost */
  end(): Promise<void>;
}

/** Attaches what a plan asks for. Rejects before anything is sent, if something can't be had. */
export async function watch(target: ObservationTarget, plan: SendPlan): Promise<Watcher[]> {
  const { record, redact, metrics, otlp } = plan;
  const watchers: Watcher[] = [];
  try {
    if (record !== undefined) watchers.push(await recordTo(target, record, redact));
    if (metrics !== undefined) watchers.push(await serveMetrics(target, metrics));
    if (otlp !== undefined) watchers.push(await trace(target, otlp));
  } catch (error) {
    // What listens would keep the process.
    for (const { end } of watchers) await end().catch(() => undefined);
    throw error;
  }
  return watchers;
}

async function recordTo(target: ObservationTarget, file: string, redactAddresses: boolean): Promise<Watcher> {
  const recorder = attachRecorder(target, { title: `smtp-pipelining send`, redactAddresses });
  const write = async (): Promise<void> => {
    try {
      await writeFile(file, recorder.html());
    } catch (cause) {
      throw new CommandFailure(EX.IOERR, `--record ${file} can't be written: ${errorText(cause)}`, { cause });
    }
  };
  await write(); // rather now than when all is over
  return { end: write };
}

async function serveMetrics(target: ObservationTarget, { host, port }: MetricsAddress): Promise<Watcher> {
  const prometheus = await import("prom-client");
  const { attachMetrics } = await import("../../observability/metrics.ts");
  const register = new prometheus.Registry();
  attachMetrics(target, { prometheus, register });
  const server = createServer((request, response) => {
    if (request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404).end("There is /metrics\n");
      return;
    }
    register.metrics().then(
      (text) => response.writeHead(200, { "content-type": register.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(`${errorText(error)}\n`),
    );
  });
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const address = `${host}:${port}`;
    throw new CommandFailure(EX.UNAVAILABLE, `--metrics: ${address} can't be had: ${errorText(cause)}`, {
      cause,
    });
  }
  const address = server.address();
  const actual = typeof address === "object" && address !== null ? address.port : port;
  return {
    told: `Metrics at http://${host.includes(":") ? `[${host}]` : host}:${actual}/metrics`,
    end: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function trace(target: ObservationTarget, url: string): Promise<Watcher> {
  const { attachTracing } = await import("../../observability/tracing.ts");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  const { defaultResource, resourceFromAttributes } = await import("@opentelemetry/resources");
  const { BasicTracerProvider, BatchSpanProcessor } = await import("@opentelemetry/sdk-trace-base");
  const tracerProvider = new BasicTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes({ "service.name": "smtp-pipelining" })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  attachTracing(target, { tracerProvider });
  return {
    told: `Traces to ${url}`,
    end: async () => {
      try {
        await tracerProvider.forceFlush();
      } catch (cause) {
        throw new CommandFailure(EX.IOERR, `--otlp: the last spans did not arrive: ${errorText(cause)}`, {
          cause,
        });
      } finally {
        await tracerProvider.shutdown().catch(() => undefined); // what it has to say was said
      }
    },
  };
}
