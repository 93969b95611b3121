/**
 * `smtp-pipelining/journal`: a durable record of envelopes and fates, which survives a crash.
 *
 * @module
 */
export type { JournalEntry, JournalRecipient, JournalState, RetrySchedule } from "./entry.ts";
export { Journal, type JournalCounts, type PendingOptions } from "./journal.ts";
export type { JournalOptions } from "./options.ts";
