import { classifyReply, retryAfter } from "../protocol/classify.ts";
import { SmtpError } from "../protocol/errors.ts";
import { POOL_PROBE } from "../protocol/limits.ts";
import type { Reply } from "../protocol/reply.ts";
import type { CloseEvent, ErrorEvent, ReadyEvent } from "../session/events.ts";
import type { SmtpSession } from "../session/session.ts";
import type { Retirement } from "./events.ts";
import { Member } from "./member.ts";
import type { ResolvedPoolOptions } from "./options.ts";
import type { PaceSignal } from "./pacing.ts";
import { RelayState, takeTurn } from "./relay-state.ts";

/** What the pool hears of its sessions. */
export interface RosterEvents {
  /** A session is about to connect. */
  open(member: Member): void;
  ready(event: ReadyEvent): void;
  error(event: ErrorEvent): void;
  /** A session is over, and struck off. */
  close(member: Member, event: CloseEvent): void;
  /** A session can take messages again. */
  available(): void;
  /** A relay is given less, or all that it takes again. */
  pace(state: RelayState, change: "slowed" | "freed", time: number): void;
}

/** The sessions of a pool and the relays that they lead to: which is opened, which gets the next message, which is let go. */
export class Roster {
  readonly #options: ResolvedPoolOptions;
  readonly #events: RosterEvents;
  readonly #relays: readonly RelayState[];
  readonly #members = new Map<SmtpSession, Member>();
  /** When a relay may be given the next message that has room for it; infinity: that is not what it waits for. */
  #pacedUntil = Number.POSITIVE_INFINITY;
  /** Since when messages wait and no relay has answered one. */
  #outageSince: number | undefined;

  constructor(options: ResolvedPoolOptions, events: RosterEvents) {
    this.#options = options;
    this.#events = events;
    this.#relays = options.relays.map((relay) => new RelayState(relay, options));
  }

  get sessions(): Iterable<SmtpSession> {
    return this.#members.keys();
  }

  get empty(): boolean {
    return this.#members.size === 0;
  }

  // ---- who gets the next message

  /**
   * For a message with so many recipients: of the sessions with room, of the best relays that may be given it now, one with
   * least to do; the relays take turns by their weight.
   */
  next(now: number, recipients: number): Member | undefined {
    const best = this.#bestPreference();
    const roomy: Member[] = [];
    this.#pacedUntil = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) {
      if (member.state.relay.preference !== best || !member.hasRoom) continue;
      const delay = member.state.pacing.delay(now, recipients);
      if (delay > 0) this.#pacedUntil = Math.min(this.#pacedUntil, now + delay);
      else if (member.doubtful(now)) this.#probe(member, now);
      else roomy.push(member);
    }
    const state = takeTurn(roomy.map((member) => member.state));
    let least: Member | undefined;
    for (const member of roomy) {
      if (member.state === state && (least === undefined || member.open < least.open)) least = member;
    }
    return least;
  }

  /** The lowest preference among relays with a session that is ready. */
  #bestPreference(): number {
    let best = Number.POSITIVE_INFINITY;
    for (const { opened, retired, state } of this.#members.values()) {
      if (opened && retired === undefined) best = Math.min(best, state.relay.preference);
    }
    return best;
  }

  /** Asks a session that has been idle whether its connection still stands. */
  #probe(member: Member, now: number): void {
    member.probedUntil = now + POOL_PROBE;
    member.session.noop().then(
      () => {
        member.probedUntil = undefined;
        member.touched();
        this.#events.available();
      },
      () => undefined, // its `close` tells
    );
  }

  /** Relays that are given less than they would take, as they complained. */
  get paced(): number {
    return this.#relays.filter(({ pacing }) => pacing.limit !== undefined).length;
  }

  /** A refusal, or none: what the relay says of the pace. */
  heed(state: RelayState, now: number, refusals: readonly Reply[]): void {
    const { pacing } = state;
    let signal: PaceSignal = "served";
    let after: number | undefined;
    for (const reply of refusals) {
      const said = classifyReply(reply);
      if (said !== "rate-limit" && (said !== "greylisted" || signal === "rate-limit")) continue;
      signal = said;
      after = Math.max(after ?? 0, retryAfter(reply) ?? 0);
    }
    const change = pacing.answered(now, signal, after);
    if (change !== undefined) this.#events.pace(state, change, now);
  }

  /** The server has answered a message. */
  served(member: Member): void {
    this.#outageSince = undefined;
    if (member.served) return;
    member.served = true;
    member.state.served();
  }

  // ---- opening

  /** Opens another session where messages wait that those there are can't take: one at a time. */
  openMore(now: number): void {
    // More connections are not what a slower pace wants.
    if (Number.isFinite(this.#pacedUntil)) return;
    let counted = 0;
    for (const { connecting, counts } of this.#members.values()) {
      if (connecting) return;
      if (counts) counted++;
    }
    if (counted < this.#options.connections) this.#openOne(now, new Set());
  }

  /** The session that will be ready first, opened if need be. Undefined once all relays were tried. */
  first(now: number, tried: Set<RelayState>): Member | undefined {
    const members = [...this.#members.values()];
    const member =
      members.find(({ ready }) => ready) ??
      members.find(({ connecting }) => connecting) ??
      this.#openOne(now, tried);
    if (member !== undefined) tried.add(member.state);
    return member;
  }

  /** What the last attempt to reach a relay failed with. */
  get error(): SmtpError | undefined {
    return this.#relays.findLast(({ error }) => error !== undefined)?.error;
  }

  /** Opens a session to the best relay that may be tried. */
  #openOne(now: number, except: ReadonlySet<RelayState>): Member | undefined {
    const best = this.#bestPreference();
    const open = this.#relays.filter(
      (state) => state.until <= now && state.relay.preference <= best && !except.has(state),
    );
    const preference = Math.min(...open.map(({ relay }) => relay.preference));
    const [state] = open
      .filter(({ relay }) => relay.preference === preference)
      .sort((a, b) => a.sessions / a.relay.weight - b.sessions / b.relay.weight);
    return state === undefined ? undefined : this.#open(state, now);
  }

  #open(state: RelayState, now: number): Member {
    const member = new Member(
      state,
      this.#options,
      {
        ready: (event) => {
          this.#events.ready(event);
          this.#events.available();
        },
        error: (event) => this.#events.error(event),
        close: (event) => this.#close(member, event),
      },
      now,
    );
    const { session } = member;
    state.sessions++;
    this.#members.set(session, member);
    this.#events.open(member);
    // What it fails with its events tell.
    session.connect().catch(() => undefined);
    return member;
  }

  #close(member: Member, event: CloseEvent): void {
    const { session, state, served, retired, error } = member;
    this.#members.delete(session);
    state.sessions--;
    // One that came to nothing says that the next may as well.
    if (!served && retired === undefined) {
      state.failed(error, event.time, member.opened);
      if (error?.reply !== undefined) this.heed(state, event.time, [error.reply]);
      this.#outageSince ??= event.time;
    }
    this.#events.close(member, event);
  }

  // ---- letting go

  /** Ends the sessions whose time has come, and tries relays again that are better than those in use. */
  tend(now: number): void {
    const best = this.#bestPreference();
    for (const member of this.#members.values()) {
      if (member.probedUntil !== undefined && now >= member.probedUntil) {
        const message = `An idle connection did not answer NOOP within ${POOL_PROBE} ms`;
        member.session.destroy(new SmtpError("ESMTP_TIMEOUT", message, { retryable: true }));
      } else if (member.ready) {
        const due = member.state.relay.preference > best ? "preference" : member.due(now);
        if (due !== undefined) this.#retire(member, due);
      }
    }
    if (best === Number.POSITIVE_INFINITY) return;
    for (const state of this.#relays) {
      if (state.relay.preference < best && state.sessions === 0 && state.until <= now) this.#open(state, now);
    }
  }

  /** A message was given to a session. One that has carried all that it may ends. */
  given(member: Member, now: number, recipients: number): void {
    member.state.pacing.sent(now, recipients);
    const due = member.due(now);
    if (due !== undefined) this.#retire(member, due);
  }

  /** Ends all sessions, each with QUIT. */
  quit(): void {
    for (const member of this.#members.values()) this.#retire(member, "quit");
  }

  destroy(error: Error | undefined): void {
    for (const session of [...this.sessions]) session.destroy(error);
  }

  #retire(member: Member, why: Retirement): void {
    if (member.retired !== undefined) return;
    const { session, connecting } = member;
    member.retired = why;
    // There is nobody yet to say goodbye to.
    if (connecting) session.destroy();
    else void session.quit();
  }

  /** What messages that wait are to fail with: they wait for a relay, but not for ever, and not for what waiting can't mend. */
  outOfPatience(now: number): SmtpError | undefined {
    if (this.#outageSince === undefined) return undefined;
    for (const { opened, connecting } of this.#members.values()) if (opened || connecting) return undefined;
    const hopeless = this.#relays.every(({ down, error }) => down && error?.retryable === false);
    if (!hopeless && now < this.#outageSince + this.#options.patience) return undefined;
    this.#outageSince = undefined;
    const cause = this.error;
    const message = `No relay can be reached: ${cause === undefined ? "the connections ended" : cause.message}`;
    const details = { retryable: true, cause, reply: cause?.reply, command: cause?.command };
    return new SmtpError(cause?.code ?? "ESMTP_CONNECT", message, details);
  }

  /** No message waits: nobody minds that no relay can be reached. */
  nobodyWaits(): void {
    this.#outageSince = undefined;
  }

  /** When something is due next: epoch milliseconds. */
  deadline(now: number, waiting: boolean): number {
    let at = waiting ? this.#pacedUntil : Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) at = Math.min(at, member.deadline);
    if (waiting || !this.empty) {
      for (const { until } of this.#relays) if (until > now) at = Math.min(at, until);
    }
    if (this.#outageSince !== undefined) at = Math.min(at, this.#outageSince + this.#options.patience);
    return at;
  }
}
