import type {
  Command,
  GroupEndEvent,
  MessageEndEvent,
  RecipientFailedEvent,
  ReplyEvent,
  SentEvent,
  SmtpError,
} from "smtp-pipelining";

/** How it stands with a command. */
export type Mark = "waiting" | "accepted" | "refused" | "lost";

/** A command group as it flies. */
export interface GroupInFlight {
  readonly id: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly commands: { readonly command: Command; mark: Mark }[];
  /** Milliseconds; undefined while replies are owed. */
  durationMs: number | undefined;
}

/** Groups, durations and refusals that are kept to be shown. */
const GROUPS = 6;
const DURATIONS = 60;
const REFUSALS = 3;
/** The rate is that of the last seconds, in milliseconds. */
const RATE_OVER = 5_000;

/** What is known of a session in flight, from its events. Bounded, however long it runs. */
export class Flight {
  messages = 0;
  succeeded = 0;
  failed = 0;
  /** Those among the failed that were aborted. */
  aborted = 0;
  unknown = 0;
  /** Groups that were waited for. */
  roundTrips = 0;
  /** Commands answered beyond one a group: one command at a time, each would have been a round trip. */
  saved = 0;
  /** Why the session failed. */
  error: SmtpError | undefined;
  /** The last groups, those in flight among them. */
  readonly groups: GroupInFlight[] = [];
  /** Of the last groups, in milliseconds. */
  readonly durations: number[] = [];
  /** The last refusals: who and why. */
  readonly refusals: { readonly address: string; readonly why: string }[] = [];
  readonly #ends: number[] = [];

  sent({ groupId, time, command }: SentEvent): void {
    this.#group(groupId, time).commands.push({ command, mark: "waiting" });
  }

  replied({ groupId, time, command, reply }: ReplyEvent): void {
    const { commands } = this.#group(groupId, time);
    const mark = reply.code < 400 ? "accepted" : "refused";
    const waiting = commands.find((one) => one.mark === "waiting");
    if (waiting !== undefined) waiting.mark = mark;
    else commands.push({ command, mark }); // the greeting: nothing was sent for it
  }

  groupEnded({ group }: GroupEndEvent): void {
    const { commands } = Object.assign(this.#group(group.id, group.startedAt), {
      durationMs: group.durationMs,
    });
    for (const one of commands) if (one.mark === "waiting") one.mark = "lost";
    const answered = group.codes.filter((code) => code !== undefined).length;
    if (answered > 0) {
      this.roundTrips++;
      this.saved += answered - 1;
    }
    keep(this.durations, group.durationMs, DURATIONS);
  }

  recipientFailed({ address, stage, reply }: RecipientFailedEvent): void {
    this.failed++;
    if (stage === "aborted") this.aborted++;
    if (reply === undefined) return;
    keep(this.refusals, { address, why: `${reply.code} ${reply.lines[0] ?? ""}` }, REFUSALS);
  }

  messageEnded({ time }: MessageEndEvent): void {
    this.messages++;
    this.#ends.push(time);
  }

  /** Messages per second. @param startedAt when the first was queued; both in epoch milliseconds */
  rate(now: number, startedAt: number): number {
    const since = Math.max(startedAt, now - RATE_OVER);
    while ((this.#ends[0] ?? now) < since) this.#ends.shift();
    return now > since ? (this.#ends.length / (now - since)) * 1_000 : 0;
  }

  #group(id: number, startedAt: number): GroupInFlight {
    const known = this.groups.findLast((group) => group.id === id);
    if (known !== undefined) return known;
    const group: GroupInFlight = { id, startedAt, commands: [], durationMs: undefined };
    keep(this.groups, group, GROUPS);
    return group;
  }
}

/** Adds an item behind the others, and lets the first go if there are more than so many. */
function keep<T>(items: T[], item: T, most: number): void {
  items.push(item);
  if (items.length > most) items.shift();
}
