import type { EventEmitter } from "eventemitter3";
import type { Protocol } from "../pipeline/handshake.ts";
import type { PoolEventName, PoolEvents } from "../pool/events.ts";
import type { SessionEvents } from "../session/events.ts";
import type { SessionState } from "../session/session.ts";

/** What is read of a session that is observed. */
export interface ObservedSession {
  readonly id: string;
  readonly state: SessionState;
  /** The path of a Unix socket, if it is one. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** Default `"smtp"`. */
  readonly protocol?: Protocol;
  /** The server's address, once known. */
  readonly remoteAddress: string | undefined;
  /** Messages whose fate is open. */
  readonly pending: number;
  /** Replies that the server owes. */
  readonly repliesOwed: number;
}

/** A listener as the emitter's own types have it. */
type Listener<E extends PoolEventName> = EventEmitter.EventListener<PoolEvents, E>;

/** `mail.example.org:25`, or the path of a Unix socket. */
export function serverName({ host, port }: Pick<ObservedSession, "host" | "port">): string {
  return port === 0 ? host : `${host}:${port}`;
}

/** What metrics, tracing, logging and the recorder attach to: a session, or what holds several and passes on their events. */
export type ObservationTarget = Observed<SessionEvents> | Observed<PoolEvents>;

/** What tells of itself by events: a session by those of a session, a pool by those of a pool. */
export interface Observed<Events extends object> {
  on<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
  ): unknown;
  off<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
  ): unknown;
  /** The live sessions. */
  readonly sessions: Iterable<ObservedSession>;
  /** What its own events have as `sessionId`: a session's is that of all, a pool's that of what no session has yet. */
  readonly id?: string;
  /** `"closed"` once no event will come any more. */
  readonly state?: string;
  /** Messages whose fate is open. Default: those of the sessions. */
  readonly pending?: number;
  /** Of a pool: those of them that no session has yet. */
  readonly waiting?: number;
  /** Of a pool: relays that are given less than they would take. */
  readonly pacedRelays?: number;
}

/** Listeners by the event they want. A session never emits what only a pool does. */
export type Listeners = { readonly [E in PoolEventName]?: PoolEvents[E] };

/** @throws TypeError for a target that nothing can be attached to */
export function checkTarget(target: ObservationTarget): void {
  const iterable = typeof target?.sessions?.[Symbol.iterator] === "function";
  if (!iterable || typeof target.on !== "function" || typeof target.off !== "function") {
    throw new TypeError("target must be a session, or anything else with on(), off() and sessions");
  }
}

/** @throws TypeError for options that are no object, or have a name that is not known: none is ever ignored */
export function checkNames(options: object, known: readonly string[]): void {
  const given: unknown = options;
  if (typeof given !== "object" || given === null) throw new TypeError("options must be an object");
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) {
      throw new TypeError(`options.${name} is unknown; known are ${known.join(", ")}`);
    }
  }
}

/**
 * Adds listeners. They are removed when the returned function is called.
 * @throws TypeError for a target that nothing can be attached to
 */
export function attach(target: ObservationTarget, listeners: Listeners): () => void {
  checkTarget(target);
  // An event that is being emitted still reaches those that an earlier listener of it detaches.
  let attached = true;
  // A pool's events are a session's and more, and the listeners of both have the same shape.
  const emitter = target as Observed<PoolEvents>;
  const added = (Object.keys(listeners) as PoolEventName[]).map((name) => {
    const listener = listeners[name] as (event: never) => unknown;
    // What it returns may be a promise, whose rejection is the emitter's to see.
    const guarded = (event: never): unknown => (attached ? listener(event) : undefined);
    emitter.on(name, guarded as Listener<typeof name>);
    return { name, guarded: guarded as Listener<typeof name> };
  });
  return () => {
    attached = false;
    for (const { name, guarded } of added) emitter.off(name, guarded);
  };
}

/** Whether the target is closed already: no event will come of it. */
export function isOver(target: ObservationTarget): boolean {
  return target.state === "closed";
}

/** Whether a `close` is the target's own: the end of what is attached. */
export function isItsEnd(target: ObservationTarget, { sessionId }: { readonly sessionId: string }): boolean {
  return target.id === sessionId;
}

/** Whether the target is one session. A pool has its id on what is not in a session yet. */
export function isSession(target: ObservationTarget): boolean {
  for (const session of target.sessions) if ((session as unknown) === target) return true;
  return false;
}
