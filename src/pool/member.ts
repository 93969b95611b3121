import { serverLimits } from "../protocol/capabilities.ts";
import type { SmtpError } from "../protocol/errors.ts";
import { now } from "../session/clock.ts";
import type { CloseEvent, ErrorEvent, ReadyEvent } from "../session/events.ts";
import { poolDoor, SmtpSession } from "../session/session.ts";
import type { Retirement } from "./events.ts";
import type { ResolvedPoolOptions } from "./options.ts";
import type { RelayState } from "./relay-state.ts";

/** What the pool does when something happens to one of its sessions. */
export interface MemberEvents {
  ready(event: ReadyEvent): void;
  error(event: ErrorEvent): void;
  close(event: CloseEvent): void;
}

/** A session of a pool, from its opening to its end. */
export class Member {
  readonly session: SmtpSession;
  readonly state: RelayState;
  readonly openedAt: number;
  /** Messages it was given. */
  messages = 0;
  /** Messages it has and that are not settled. */
  open = 0;
  /** The server has answered a message. */
  served = false;
  /** It was ready once. */
  opened = false;
  error: SmtpError | undefined;
  retired: Retirement | undefined;
  /** Until when the NOOP that asks whether it is alive must be answered; undefined: none is. */
  probedUntil: number | undefined;
  /** When it is replaced. */
  readonly expiresAt: number;
  readonly #options: ResolvedPoolOptions;
  /** Since when it has had nothing to do. */
  #idleSince: number;
  #most: number;

  constructor(state: RelayState, options: ResolvedPoolOptions, events: MemberEvents, time: number) {
    this.state = state;
    this.#options = options;
    this.#most = options.maxMessages;
    this.openedAt = time;
    this.#idleSince = time;
    const { maxAge } = options;
    this.expiresAt =
      maxAge === undefined ? Number.POSITIVE_INFINITY : time + maxAge * (1 - Math.random() / 10);
    this.session = new SmtpSession({ ...state.relay.options, journal: options.journal });
    this.session.on("ready", (event) => {
      this.#most = Math.min(options.maxMessages, serverLimits(event.capabilities).mails);
      this.opened = true;
      this.touched();
      events.ready(event);
    });
    this.session.on("error", (event) => {
      this.error = event.error;
      events.error(event);
    });
    this.session.on("close", (event) => events.close(event));
  }

  /** Whether the session may get messages, as far as it goes by its state. */
  get ready(): boolean {
    return (
      this.opened &&
      this.retired === undefined &&
      this.probedUntil === undefined &&
      this.session.state === "ready"
    );
  }

  get connecting(): boolean {
    return !this.opened && this.retired === undefined;
  }

  /** Whether it takes a place among the connections: one that only says goodbye does not. */
  get counts(): boolean {
    return this.retired === undefined || this.open > 0;
  }

  /** Whether it can take another message now. */
  get hasRoom(): boolean {
    return this.ready && !poolDoor.busy(this.session);
  }

  /** It has just been heard of. */
  touched(): void {
    this.#idleSince = now();
  }

  /** Whether nobody knows if the connection still stands. */
  doubtful(time: number): boolean {
    return this.open === 0 && time >= this.#idleSince + this.#options.idleProbe;
  }

  /** Why it is to be let go; undefined if it is not. */
  due(time: number): Retirement | undefined {
    if (this.messages >= this.#most) return "messages";
    if (time >= this.expiresAt) return "age";
    return this.open === 0 && time >= this.#idleSince + this.#options.maxIdle ? "idle" : undefined;
  }

  /** When something is due next, if nothing happens before: epoch milliseconds. */
  get deadline(): number {
    if (this.probedUntil !== undefined) return this.probedUntil;
    if (!this.ready) return Number.POSITIVE_INFINITY;
    const idle = this.open === 0 ? this.#idleSince + this.#options.maxIdle : Number.POSITIVE_INFINITY;
    return Math.min(this.expiresAt, idle);
  }
}
