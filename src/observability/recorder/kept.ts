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
    while (exceeds(this.#most, this.#settled.size, this.#recipients))
      this.#forgetMessage(first(this.#settled));
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
    while (exceeds(this.#most, this.#groups.size, this.#commands)) this.#forgetGroup(first(this.#groups));
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

/** Whether there are too many things or parts of them; of one thing, never. */
function exceeds(most: number, things: number, parts: number): boolean {
  return things > 1 && (things > most || parts > most * PARTS);
}

/** The oldest of a set that is not empty. */
function first<T>(set: ReadonlySet<T>): T {
  return set.values().next().value as T;
}
