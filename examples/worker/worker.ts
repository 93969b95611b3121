// One worker, in a process of its own: node worker.ts REDIS-PORT SMTP-PORT METRICS-PORT
// It tells its parent where its metrics are, and in the end what it did; it closes when it is told to.

import * as prometheus from "prom-client";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachWorkerMetrics, type JobResult, SmtpWorker } from "smtp-pipelining/worker";
import { startMetricsServer } from "../scrape/metrics-server.ts";
import { type Letter, letter } from "./load.ts";

/** What a worker tells. */
export type Told = { readonly url: string } | { readonly did: Did };

/** What a worker did. */
export interface Did {
  /** Messages that ended, by how. */
  readonly results: Readonly<Record<JobResult, number>>;
  /** Times that a message was put off. */
  readonly deferred: number;
  /** Times that a message was held. */
  readonly held: number;
}

const [redis, smtp, port] = process.argv.slice(2).map(Number);

const worker = new SmtpWorker<Letter>({
  connection: { host: "127.0.0.1", port: redis },
  pool: { host: "127.0.0.1", port: smtp, tls: "off", connections: 1 },
  text: (ref) => letter(ref),
  // Minutes elsewhere: nobody is to wait for an example.
  retries: { delay: 1_000 },
});

const register = new prometheus.Registry();
attachMetrics(worker.pool, { prometheus, register, client: "letters" });
attachWorkerMetrics(worker, { prometheus, register, client: "letters" });
const metrics = await startMetricsServer(register, { host: "127.0.0.1", port: port ?? 0 });

const did = { results: { delivered: 0, partial: 0, rejected: 0, expired: 0 }, deferred: 0, held: 0 };
worker.on("jobEnd", ({ result }) => did.results[result]++);
worker.on("jobDeferred", () => did.deferred++);
worker.on("jobHeld", () => did.held++);
worker.on("error", ({ error }) => console.error(`worker: ${error.message}`));

const tell = (told: Told): void => void process.send?.(told);

process.once("message", async () => {
  await worker.close();
  await metrics.close();
  tell({ did });
  process.disconnect();
});
await worker.run();
tell({ url: metrics.url });
