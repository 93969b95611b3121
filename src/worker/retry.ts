/** When what was deferred is tried again, and when no more. */
export interface Retries {
  /** Before the second try: milliseconds. Default 60,000. */
  delay: number;
  /** Each later wait is so many times the one before. Default 2. */
  factor: number;
  /** No wait is longer: milliseconds. Default 3,600,000. */
  maxDelay: number;
  /** Which part of a wait is left to chance, from 0 to 1: it is taken off. Default 0.3. */
  jitter: number;
  /** How old a message gets, from when it was due first: milliseconds. Default 5 days (RFC 5321 §4.5.4.1). */
  maxAge: number;
}

export const RETRIES: Readonly<Retries> = {
  delay: 60_000,
  factor: 2,
  maxDelay: 3_600_000,
  jitter: 0.3,
  maxAge: 5 * 24 * 3_600_000,
};

/**
 * How long a message waits for its next try: milliseconds.
 * @param tries how many there were
 * @param chance from 0 to 1
 */
export function retryDelay(retries: Retries, tries: number, chance: number = Math.random()): number {
  const { delay, factor, maxDelay, jitter } = retries;
  const full = Math.min(maxDelay, delay * factor ** Math.max(0, tries - 1));
  return Math.round(full * (1 - jitter * chance));
}
