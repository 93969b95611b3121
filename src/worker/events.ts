import type { FailureStage } from "../pipeline/fate.ts";
import type { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";

/** What every event about one message carries. */
export interface JobEvent {
  /** The id of the message. */
  readonly id: string;
  /** What the message was given along. */
  readonly tag?: unknown;
  /** Epoch milliseconds with fraction. */
  readonly time: number;
}

/**
 * What became of one recipient:
 * - `"succeeded"`: the server has taken responsibility
 * - `"failed"`: refused for good
 * - `"deferred"`: to be tried again
 * - `"unknown"`: nobody knows; held, or tried again as the option `unknown` says
 * - `"expired"`: deferred until it was too old, and given up
 */
export type RecipientOutcome = "succeeded" | "failed" | "deferred" | "unknown" | "expired";

/** What became of one recipient in a delivery. It is recorded already. */
export interface RecipientEvent extends JobEvent {
  readonly address: string;
  readonly outcome: RecipientOutcome;
  /** Whether it is the recipient's last: false for `"deferred"` and `"unknown"`. */
  readonly final: boolean;
  /** Where it failed; missing for what was left behind by another worker. */
  readonly stage?: FailureStage;
  readonly reply?: Reply;
  readonly error?: SmtpError;
}

/** A message is tried again later, for the recipients that were deferred. */
export interface JobDeferredEvent extends JobEvent {
  /** When: epoch milliseconds. */
  readonly until: number;
  /** How long it waits: milliseconds. */
  readonly delayMs: number;
  /** How many deliveries were begun. */
  readonly tries: number;
  /** How many recipients are left. */
  readonly recipients: number;
}

/** A message waits for a decision: the fate of recipients is unknown, and nothing else is left to be done. */
export interface JobHeldEvent extends JobEvent {
  /** How many recipients are of unknown fate. */
  readonly recipients: number;
}

/**
 * How a message ended:
 * - `"delivered"`: to all recipients
 * - `"partial"`: to some
 * - `"rejected"`: to none
 * - `"expired"`: to none, and at least one was given up for its age
 */
export type JobResult = "delivered" | "partial" | "rejected" | "expired";

/** The fate of every recipient of a message is known and recorded. */
export interface JobEndEvent extends JobEvent {
  readonly result: JobResult;
  /** Recipients by fate. */
  readonly succeeded: number;
  readonly failed: number;
  readonly expired: number;
  /** How many deliveries were begun. */
  readonly tries: number;
  /** Since the message was due first: milliseconds. */
  readonly ageMs: number;
}

/** A message was taken over: the worker that had it has died, or was out of touch with Redis for too long. */
export interface JobStalledEvent {
  readonly id: string;
  readonly time: number;
}

/** Something failed that the worker copes with: Redis, the function `text`, a listener. */
export interface WorkerErrorEvent {
  readonly error: Error;
  readonly time: number;
}

/** The worker is over. */
export interface WorkerCloseEvent {
  readonly time: number;
}

/** The events of a worker, by name. */
export interface WorkerEvents {
  /** What became of a recipient. */
  recipient: (event: RecipientEvent) => void;
  /** The message is tried again. */
  jobDeferred: (event: JobDeferredEvent) => void;
  /** The message is held. */
  jobHeld: (event: JobHeldEvent) => void;
  /** The message is over. */
  jobEnd: (event: JobEndEvent) => void;
  /** A message is another worker's now; what is known of its delivery was recorded nonetheless. */
  jobLost: (event: JobEvent) => void;
  /** This worker found that another has left a message behind. */
  jobStalled: (event: JobStalledEvent) => void;
  /** Something failed. Without a listener nothing is thrown. */
  error: (event: WorkerErrorEvent) => void;
  /** The last event. */
  close: (event: WorkerCloseEvent) => void;
}

/** The name of an event of a worker. */
export type WorkerEventName = keyof WorkerEvents;
