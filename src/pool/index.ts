export type {
  PaceEvent,
  PoolEventName,
  PoolEvents,
  Retirement,
  RetryEvent,
  SessionCloseEvent,
  SessionOpenEvent,
} from "./events.ts";
export type { Backoff, PoolOptions, Relay } from "./options.ts";
export { SmtpPool } from "./pool.ts";
export type { Rate } from "./rate.ts";
