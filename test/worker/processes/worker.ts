import { openSync, writeSync } from "node:fs";
import { SmtpWorker } from "smtp-pipelining/worker";

// A worker of the crash tests. node worker.ts REDIS-PORT QUEUE SINK-PORT LOG hold|retry
// Its log has a line for each outcome: [address, outcome].

const [, , redis, queue = "", sink, path = "", unknown] = process.argv;
const log = openSync(path, "a");

const worker = new SmtpWorker({
  connection: { host: "127.0.0.1", port: Number(redis) },
  queue,
  pool: { host: "127.0.0.1", port: Number(sink), tls: "off", connections: 1 },
  concurrency: 200,
  unknown: unknown === "retry" ? "retry" : "hold",
  retries: { delay: 300, jitter: 0.5 },
  lockDuration: 3_000,
  stalledInterval: 1_000,
});
worker.on("recipient", ({ address, outcome }) => writeSync(log, `${JSON.stringify([address, outcome])}\n`));
worker.on("error", ({ error }) => writeSync(log, `${JSON.stringify(["error", error.message])}\n`));
worker.on("jobLost", ({ id }) => writeSync(log, `${JSON.stringify(["lost", id])}\n`));
process.on("message", async () => {
  await worker.close();
  process.exit();
});
process.on("disconnect", () => process.exit());
await worker.run();
process.send?.("running");
