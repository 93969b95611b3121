import type { EventEmitter } from "eventemitter3";
import type { SessionEventName, SessionEvents } from "../session/events.ts";
import type { SmtpSession } from "../session/session.ts";
import { isConnections } from "./parcel.ts";

/** The events that a pool passes on as its sessions tell them. Of the others it has a word of its own. */
const PASSED_ON = [
  "connecting",
  "connect",
  "messageStart",
  "sent",
  "reply",
  "recipientAccepted",
  "recipientSucceeded",
  "recipientFailed",
  "recipientUnknown",
  "groupStart",
  "groupEnd",
  "warning",
] as const satisfies readonly SessionEventName[];

type PassedOn = (typeof PASSED_ON)[number];

/**
 * Passes on the events of sessions, of each kind only while somebody listens: payloads are built for nobody else.
 */
export class Forwarding {
  readonly #sessions: () => Iterable<SmtpSession>;
  readonly #listeners: ReadonlyMap<PassedOn, (event: never) => void>;
  readonly #wanted = new Set<PassedOn>();

  /** @param emit tells the pool's listeners */
  constructor(
    sessions: () => Iterable<SmtpSession>,
    emit: (event: SessionEventName, payload: object) => void,
  ) {
    this.#sessions = sessions;
    const listener = (name: PassedOn): ((event: object) => void) => {
      if (name !== "recipientFailed") return (event) => emit(name, event);
      // What failed with its connection may be tried again: the pool tells when it is not.
      return (event) => {
        if (!isConnections(event as Parameters<SessionEvents["recipientFailed"]>[0])) emit(name, event);
      };
    };
    this.#listeners = new Map(PASSED_ON.map((name) => [name, listener(name)]));
  }

  /** Somebody listens to an event, or nobody does any more. */
  want(event: string | symbol, wanted: boolean): void {
    const name = PASSED_ON.find((each) => each === event);
    if (name === undefined || this.#wanted.has(name) === wanted) return;
    if (wanted) this.#wanted.add(name);
    else this.#wanted.delete(name);
    for (const session of this.#sessions()) this.#set(session, name, wanted);
  }

  /** A session was opened. */
  add(session: SmtpSession): void {
    for (const name of this.#wanted) this.#set(session, name, true);
  }

  #set(session: SmtpSession, name: PassedOn, wanted: boolean): void {
    const listener = this.#listeners.get(name) as EventEmitter.EventListener<SessionEvents, PassedOn>;
    if (wanted) session.on(name, listener);
    else session.off(name, listener);
  }
}
