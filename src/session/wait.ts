import { SmtpError } from "../protocol/errors.ts";
import type { AbortSignals } from "./abort.ts";
import type { Backlog } from "./backlog.ts";
import { signal as isSignal, readRecord } from "./check.ts";

/** Options of a wait. */
export interface WaitOptions {
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

/** The signal of a wait. @throws TypeError if it is none */
export function waitSignal(options: WaitOptions): AbortSignal | undefined {
  const { signal }: WaitOptions = readRecord(options, { signal: isSignal }, "options");
  return signal;
}

export function aborted(what: string, cause: unknown): SmtpError {
  return new SmtpError("ESMTP_ABORTED", `${what} was aborted`, { retryable: true, cause });
}

/** Fulfils when there is room. @throws SmtpError `ESMTP_ABORTED` when the signal fires first */
export async function roomIn(
  backlog: Backlog,
  signals: AbortSignals,
  signal: AbortSignal | undefined,
): Promise<void> {
  let forget: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    if (signal !== undefined) forget = signals.on(signal, (cause) => reject(aborted("ready()", cause)));
  });
  try {
    while (backlog.full) await Promise.race([backlog.room(), stopped]);
  } finally {
    forget?.();
  }
}
