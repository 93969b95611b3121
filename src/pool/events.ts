import type { CloseReason } from "../pipeline/observer.ts";
import type { SmtpError } from "../protocol/errors.ts";
import type { MessageEvent, SessionEvent, SessionEvents } from "../session/events.ts";

/** Why a pool lets a session go. */
export type Retirement =
  /** It has carried `maxMessages`, or as many as the server allows (LIMITS MAILMAX). */
  | "messages"
  /** It is older than `maxAge`. */
  | "age"
  /** It has had nothing to do for `maxIdle`. */
  | "idle"
  /** A relay of better preference is there again. */
  | "preference"
  /** The pool ends. */
  | "quit";

/** A pool opens a session. */
export interface SessionOpenEvent extends SessionEvent {
  /** The relay's name or address as given; the path of a Unix socket. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

/** A session of a pool is over: behind its `close`. */
export interface SessionCloseEvent extends SessionOpenEvent {
  readonly reason: CloseReason;
  /** Why the pool let it go; missing where it did not. */
  readonly retired?: Retirement;
  /** Messages that the pool gave it. */
  readonly messages: number;
  /** Since it was opened: milliseconds. */
  readonly durationMs: number;
}

/** A message goes to another session: what of it failed with its connection was certainly not taken. */
export interface RetryEvent extends MessageEvent {
  /** Attempts so far. */
  readonly attempt: number;
  /** How many of its recipients are tried again. */
  readonly recipients: number;
  /** What the attempt failed with. `sessionId` is the session that it failed in. */
  readonly error?: SmtpError;
}

/** A relay said that it gets too much, or has taken so much since that it is given all it takes again. */
export interface PaceEvent extends SessionEvent {
  /** The relay's name or address as given; the path of a Unix socket. `sessionId` is the pool's. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  readonly change: "slowed" | "freed";
  /** Messages a second that it is given from now on, at first; missing where it is freed. */
  readonly limit?: number;
}

/**
 * The events of a pool: those of its sessions, each with the `sessionId` it happened in, and those of the pool.
 *
 * - For a message the pool's own word counts: `messageQueued` once, inside `pipeline()`, with the pool's `id` as
 *   `sessionId`; each recipient's fate and `messageEnd` once, when nothing is tried any more. `messageStart` comes
 *   with every attempt. `messageSeq` is unique in the pool.
 * - `drain` is the pool's own. `close` comes for each session, and last of all for the pool, with the pool's `id`.
 */
export interface PoolEvents extends SessionEvents {
  /** A session is opened; its `connecting` follows. */
  sessionOpen: (event: SessionOpenEvent) => void;
  /** A session is over. */
  sessionClose: (event: SessionCloseEvent) => void;
  /** A message goes to another session. */
  retry: (event: RetryEvent) => void;
  /** A relay is given less than it would take, or all of it again. */
  pace: (event: PaceEvent) => void;
}

/** The name of an event of a pool. */
export type PoolEventName = keyof PoolEvents;
