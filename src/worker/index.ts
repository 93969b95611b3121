export type {
  JobDeferredEvent,
  JobEndEvent,
  JobEvent,
  JobHeldEvent,
  JobResult,
  JobStalledEvent,
  RecipientEvent,
  RecipientOutcome,
  WorkerCloseEvent,
  WorkerErrorEvent,
  WorkerEventName,
  WorkerEvents,
} from "./events.ts";
export type { HeldMessage, HeldMessages } from "./held.ts";
export type { QueuedEnvelope, QueuedMessage, ResolveText } from "./message.ts";
export { attachWorkerMetrics, type WorkerTarget } from "./metrics.ts";
export type { Keep, WorkerOptions } from "./options.ts";
export { type AddOptions, type ProducerOptions, type QueueLocation, SmtpProducer } from "./producer.ts";
export type { JobProgress, RecipientProgress, RecipientStatus } from "./progress.ts";
export type { QueueDepth } from "./records.ts";
export type { Retries } from "./retry.ts";
export { SmtpWorker } from "./worker.ts";
