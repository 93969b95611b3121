import * as check from "../session/check.ts";
import type { RetrySchedule } from "./entry.ts";

/** Options of a journal. */
export interface JournalOptions {
  /**
   * Milliseconds that a finished message is remembered, so that nobody gets it again who has got it. Default 7 days.
   * What waits, and what is unknown, is kept however old it is.
   */
  keep?: number | undefined;
  /** When recipients are due again that failed so that a later try may succeed: see {@link RetrySchedule}. */
  retry?: Partial<RetrySchedule> | undefined;
}

/** Options with every default filled in. */
export interface ResolvedJournalOptions {
  readonly keep: number;
  readonly retry: RetrySchedule;
}

const DAY = 86_400_000;

const RETRY: RetrySchedule = { first: 300_000, most: 14_400_000, age: 5 * DAY };

const FIELDS: Record<keyof JournalOptions, check.Check> = {
  // No timer counts it.
  keep: check.integer(1),
  retry: check.record(
    { first: check.milliseconds, most: check.milliseconds, age: check.milliseconds },
    "retry",
  ),
};

/** Checks options and fills in the defaults. @throws TypeError that names the option */
export function resolveJournalOptions(given: JournalOptions): ResolvedJournalOptions {
  const { keep, retry }: JournalOptions = check.readRecord(given, FIELDS, "options");
  return {
    keep: keep ?? 7 * DAY,
    retry: {
      first: retry?.first ?? RETRY.first,
      most: retry?.most ?? RETRY.most,
      age: retry?.age ?? RETRY.age,
    },
  };
}
