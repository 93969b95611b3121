import type { RecipientResult } from "../pipeline/fate.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Message, MessageRecipient } from "../session/message.ts";

// What the journal knows of a message, and how that changes. Nothing here reads or writes a store.
//
//   waiting ──begin──> begun ──> succeeded | failed | unknown
//      ^                 │          a crash makes unknown of begun
//      └── failed, but ──┘          a resend makes waiting of unknown
//          a later try may do it

/**
 * Where a recipient of a journaled message stands: `"waiting"` (nothing was sent, or nothing that counts), `"begun"`
 * (being sent by this process), or its fate.
 */
export type JournalState = "waiting" | "begun" | "succeeded" | "failed" | "unknown";

/** One recipient of a journaled message. */
export interface JournalRecipient {
  readonly address: string;
  readonly notify?: "NEVER" | readonly string[] | undefined;
  readonly orcpt?: string | undefined;
  readonly state: JournalState;
  /** The reply or error that its latest try ended with. */
  readonly reason?: string | undefined;
}

/** What the journal keeps of a message. Times are epoch milliseconds. */
export interface JournalEntry {
  readonly id: string;
  readonly from: string;
  readonly recipients: readonly JournalRecipient[];
  readonly addedAt: number;
  /** When it was begun last. */
  readonly begunAt?: number | undefined;
  /** When the last recipient had its fate. */
  readonly finishedAt?: number | undefined;
  /** How often it was begun. */
  readonly attempts: number;
  /** Not to be tried before. */
  readonly dueAt: number;
  /** Octets of its text, where the journal has that, too. */
  readonly octets?: number | undefined;
}

/** An entry with the fields of its message, as the store has it. */
export interface StoredEntry extends JournalEntry {
  /** The message's other fields, but `data` and `signal`. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
}

/** When recipients are due again that failed so that a later try may succeed. Milliseconds. */
export interface RetrySchedule {
  /** After the first try; twice as long after each further one, less up to a half by chance. Default 5 minutes. */
  readonly first: number;
  /** At most. Default 4 hours. */
  readonly most: number;
  /** How old a message may be that is tried again (RFC 5321 §4.5.4.1 asks for 4 to 5 days). Default 5 days. */
  readonly age: number;
}

const OWN_FIELDS = new Set(["id", "from", "to", "data", "signal"]);

/** The entry of a message that nothing was done with. */
export function newEntry(message: Message, id: string, now: number, octets?: number): StoredEntry {
  const fields = Object.entries(message).filter(
    ([name, value]) => !OWN_FIELDS.has(name) && value !== undefined,
  );
  return {
    id,
    from: message.from,
    recipients: recipientsOf(message).map((each) => ({ ...each, state: "waiting" })),
    addedAt: now,
    attempts: 0,
    dueAt: now,
    octets,
    ...(octets !== undefined && fields.length > 0 && { fields: Object.fromEntries(fields) }),
  };
}

/** Those in these places are about to be sent. */
export function begun(entry: StoredEntry, places: readonly number[], now: number): StoredEntry {
  const recipients = entry.recipients.map((each, i) =>
    places.includes(i) ? { ...each, state: "begun" as const } : each,
  );
  return { ...entry, recipients, begunAt: now, attempts: entry.attempts + 1 };
}

/** What was about to be sent was not, after all. */
export function putBack(entry: StoredEntry): StoredEntry {
  return changed(entry, "begun", "waiting");
}

/** The process died, or what it knew can't be written: whatever was begun may have arrived. */
export function crashed(entry: StoredEntry): StoredEntry {
  return changed(entry, "begun", "unknown", "the process ended before the outcome was recorded");
}

/** Those whose fate is unknown are to be sent again. */
export function resent(entry: StoredEntry, now: number): StoredEntry {
  const { finishedAt: _, ...rest } = changed(entry, "unknown", "waiting");
  return { ...rest, dueAt: now };
}

/** Somebody found out what became of those whose fate is unknown. */
export function found(entry: StoredEntry, state: "succeeded" | "failed", now: number): StoredEntry {
  return closed(changed(entry, "unknown", state, "as was found out"), now);
}

/**
 * A recipient has its fate. One that failed so that a later try may succeed waits again.
 * @param place in the message's `to` as it was sent: see {@link openPlaces}
 */
export function booked(entry: StoredEntry, place: number, result: RecipientResult): StoredEntry {
  const state: JournalState = result.status === "failed" && result.retryable ? "waiting" : result.status;
  const { reply } = result as { readonly reply?: Reply };
  const { error } = result as { readonly error?: Error };
  const reason = reply === undefined ? error?.message : `${reply.code} ${reply.text}`;
  const recipients = entry.recipients.map((each, i) => (i === place ? { ...each, state, reason } : each));
  return { ...entry, recipients };
}

/** Everybody of a try has a fate: says when those are due that are left, and gives up what is too old. */
export function closed(entry: StoredEntry, now: number, schedule?: RetrySchedule, chance = 0): StoredEntry {
  if (!has(entry, "waiting")) {
    return has(entry, "begun") || has(entry, "unknown") ? entry : { ...entry, finishedAt: now };
  }
  if (schedule === undefined) return entry;
  if (now - entry.addedAt >= schedule.age) {
    return closed(changed(entry, "waiting", "failed"), now);
  }
  const wait = Math.min(schedule.most, schedule.first * 2 ** Math.max(entry.attempts - 1, 0));
  return { ...entry, dueAt: now + Math.round(wait * (1 - chance / 2)) };
}

/** Whether a recipient stands there. */
export function has(entry: JournalEntry, state: JournalState): boolean {
  return entry.recipients.some((each) => each.state === state);
}

/**
 * The places of the recipients that a message names, those first that wait.
 * @returns undefined for one that the entry does not have so often
 */
export function placesOf(entry: JournalEntry, message: Message): (number | undefined)[] {
  const taken = new Set<number>();
  return recipientsOf(message).map(({ address }) => {
    const of = (open: boolean): number =>
      entry.recipients.findIndex(
        (each, i) => each.address === address && isOpen(each) === open && !taken.has(i),
      );
    const place = of(true) === -1 ? of(false) : of(true);
    if (place === -1) return undefined;
    taken.add(place);
    return place;
  });
}

/** An entry with those recipients, too, that a message has now and had not before. */
export function withMore(entry: StoredEntry, message: Message): StoredEntry {
  const more = recipientsOf(message).filter((_, i) => placesOf(entry, message)[i] === undefined);
  if (more.length === 0) return entry;
  const { finishedAt: _, ...rest } = entry;
  const added = more.map((each) => ({ ...each, state: "waiting" as const }));
  return { ...rest, recipients: [...entry.recipients, ...added] };
}

/** Whether it is to be sent to, or is being. */
export function isOpen(recipient: JournalRecipient | undefined): boolean {
  return recipient?.state === "waiting" || recipient?.state === "begun";
}

/** The places of those that wait. */
export function waitingPlaces({ recipients }: JournalEntry): number[] {
  return recipients.flatMap(({ state }, i) => (state === "waiting" ? [i] : []));
}

/** A message's recipients, as objects. */
export function recipientsOf({ to }: Message): Exclude<MessageRecipient, string>[] {
  const list: readonly MessageRecipient[] = Array.isArray(to) ? to : [to as MessageRecipient];
  return list.map((each) => (typeof each === "string" ? { address: each } : each));
}

function changed(entry: StoredEntry, from: JournalState, to: JournalState, reason?: string): StoredEntry {
  const recipients = entry.recipients.map((each) =>
    each.state === from ? { ...each, state: to, ...(reason !== undefined && { reason }) } : each,
  );
  return { ...entry, recipients };
}
