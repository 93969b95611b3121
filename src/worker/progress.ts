import type { FailureStage, RecipientResult } from "../pipeline/fate.ts";

// What is known of each recipient of a queued message, as it is recorded in its job: the field `progress`, which every
// tool for BullMQ shows.
//
//   nothing        not begun
//   begun          its octets may be on their way; if its worker is gone: unknown
//   deferred       certainly not delivered, worth another try
//   unknown        nobody knows whether it was delivered: held until somebody decides
//   succeeded      the server has taken responsibility
//   failed         refused for good
//   expired        deferred until it was too old
//
// The first four are open; the others are final and never change.

/** How it stands with one recipient. */
export type RecipientStatus = "begun" | "deferred" | "unknown" | "succeeded" | "failed" | "expired";

/** What is recorded of one recipient. */
export interface RecipientProgress {
  readonly status: RecipientStatus;
  /** Where it failed. */
  readonly stage?: FailureStage;
  /** The code of the reply that decided. */
  readonly code?: number;
  readonly enhanced?: string;
  /** What the server or the error said, at most 200 characters. */
  readonly text?: string;
  /** The code of the error, where no reply decided. */
  readonly error?: string;
}

/** What is recorded in a job. */
export interface JobProgress {
  /** Counts the changes: whoever changes it says what was there before. */
  readonly rev: number;
  /** The attempt that began a delivery last: the number of times that the job had been started then. */
  readonly attempt: number;
  /** How many deliveries were begun. */
  readonly tries: number;
  /** By the index in `to`. */
  readonly recipients: Readonly<Record<string, RecipientProgress>>;
}

const NOTHING: JobProgress = { rev: 0, attempt: 0, tries: 0, recipients: {} };

const FINAL: ReadonlySet<RecipientStatus | undefined> = new Set(["succeeded", "failed", "expired"]);

const TEXT_CHARACTERS = 200;

/** Reads what a job says of its progress. */
export function readProgress(value: unknown): JobProgress {
  return typeof value === "object" && value !== null && "rev" in value ? (value as JobProgress) : NOTHING;
}

/** As it is stored: `rev` first, by which the scripts know it. */
export function storedProgress({ rev, attempt, tries, recipients }: JobProgress): string {
  return JSON.stringify({ rev, attempt, tries, recipients });
}

/** How the stored form of a progress begins; empty if there is none yet. */
export function revisionMark({ rev }: JobProgress): string {
  return rev === 0 ? "" : `{"rev":${rev},`;
}

/** The indexes of the recipients that have one of these statuses; undefined stands for those not begun. */
export function having(
  progress: JobProgress,
  count: number,
  ...statuses: readonly (RecipientStatus | undefined)[]
): number[] {
  return indexes(count).filter((index) => statuses.includes(progress.recipients[index]?.status));
}

/** Whether every recipient has its final status. */
export function isOver(progress: JobProgress, count: number): boolean {
  return indexes(count).every((index) => FINAL.has(progress.recipients[index]?.status));
}

/** Changes some recipients. */
export function changed(
  progress: JobProgress,
  recipients: Iterable<readonly [index: number, state: RecipientProgress | undefined]>,
  more: Partial<Pick<JobProgress, "attempt" | "tries">> = {},
): JobProgress {
  const next: Record<string, RecipientProgress> = { ...progress.recipients };
  for (const [index, state] of recipients) {
    if (FINAL.has(next[index]?.status)) continue;
    if (state === undefined) delete next[index];
    else next[index] = state;
  }
  return { ...progress, ...more, rev: progress.rev + 1, recipients: next };
}

/** What is recorded of a result. @param again whether what failed may be tried again, whatever the result says */
export function toProgress(result: RecipientResult, again: boolean): RecipientProgress {
  if (result.status === "unknown") return { status: "unknown", error: result.error.code };
  if (result.status === "succeeded") return { status: "succeeded", ...said(result.reply) };
  const { retryable, stage, reply, error } = result;
  return {
    status: retryable || again ? "deferred" : "failed",
    stage,
    ...(reply !== undefined && said(reply)),
    ...(reply === undefined && error !== undefined && { error: error.code, text: short(error.message) }),
  };
}

function said(reply: { readonly code: number; readonly enhanced?: string; readonly text: string }): {
  code: number;
  enhanced?: string;
  text: string;
} {
  const { code, enhanced, text } = reply;
  return { code, ...(enhanced !== undefined && { enhanced }), text: short(text) };
}

export function short(text: string): string {
  return text.slice(0, TEXT_CHARACTERS);
}

function indexes(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
