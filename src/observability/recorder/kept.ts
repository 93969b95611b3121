import type { RecordedExchange, RecordedGroup, RecordedMessage, RecordedSession } from "./facts.ts";

/** Commands and recipients that are kept, for each group and message that may be: a few large ones fit. */
const PARTS = 20;
/** Closed sessions that are kept: a server that can't be reached makes a new one every few seconds. */
const CLOSED_SESSIONS = 100;

/** What a recording holds, never more than its bounds: the oldest go. The newest stays, however large. */
export class Kept {
  /** In the order in which they came. */
  readonly sessions: Map<string, RecordedSession> = new Map();
  /** How many went. */
  readonly leftOut: { groups: number; messages: number; sessions: number } = {
    groups: 0,
    messages: 0,
    sessions: 0,
  };
  readonly #most: number;
  /** The first is the oldest. */
  readonly #groups = new Set<RecordedGroup>();
  readonly #settled = new Set<RecordedMessage>();
  #commands = 0;
  #recipients = 0;

  constructor(most: number) {
    this.#most = most;
  }

  addGroup(group: RecordedGroup): void {
    group.session.groups.set(group.id, group);
    this.#groups.add(group);
    this.#forgetGroups();
  }

  addExchange(group: RecordedGroup, exchange: RecordedExchange): void {
    group.exchanges.push(exchange);
    this.#commands++;
    this.#forgetGroups();
  }

  addSettled(message: RecordedMessage): void {
    message.session.messages.set(message.seq, message);
    this.#settled.add(message);
    this.#recipients += message.count;
    for (const oldest of this.#settled) {
      const tooMany = this.#settled.size > this.#most || this.#recipients > this.#most * PARTS;
      if (!tooMany || this.#settled.size === 1) return;
      this.#forgetMessage(oldest);
    }
  }

  /** To be called when one has closed. */
  forgetSessions(): void {
    let closed = 0;
    for (const session of this.sessions.values()) if (session.closed !== undefined) closed++;
    for (const session of this.sessions.values()) {
      if (closed <= CLOSED_SESSIONS) return;
      if (session.closed === undefined) continue;
      for (const group of session.groups.values()) this.#forgetGroup(group);
      for (const message of session.messages.values()) this.#forgetMessage(message);
      this.sessions.delete(session.id);
      this.leftOut.sessions++;
      closed--;
    }
  }

  #forgetGroups(): void {
    for (const oldest of this.#groups) {
      const tooMany = this.#groups.size > this.#most || this.#commands > this.#most * PARTS;
      if (!tooMany || this.#groups.size === 1) return;
      this.#forgetGroup(oldest);
    }
  }

  #forgetGroup(group: RecordedGroup): void {
    const { session, id, exchanges } = group;
    this.#groups.delete(group);
    session.groups.delete(id);
    session.groupsLeftOutTo = Math.max(session.groupsLeftOutTo, id);
    this.#commands -= exchanges.length;
    this.leftOut.groups++;
  }

  #forgetMessage(message: RecordedMessage): void {
    message.session.messages.delete(message.seq);
    // One without a fate was never counted.
    if (!this.#settled.delete(message)) return;
    this.#recipients -= message.count;
    this.leftOut.messages++;
  }
}
