import type { CommandGroup } from "../../pipeline/group.ts";
import type { RetryEvent } from "../../pool/events.ts";
import type { Reply } from "../../protocol/reply.ts";
import type {
  ConnectEvent,
  ConnectingEvent,
  GroupEndEvent,
  GroupStartEvent,
  MessageEndEvent,
  MessageStartEvent,
  ReadyEvent,
  ReplyEvent,
  SentEvent,
  SessionEvent,
} from "../../session/events.ts";
import { commandsOf } from "../commands.ts";
import { type Listeners, type ObservedSession, serverName } from "../target.ts";
import {
  type Note,
  newGroup,
  newSession,
  noTotals,
  type RecordedExchange,
  type RecordedGroup,
  type RecordedMessage,
  type RecordedSession,
  type Totals,
} from "./facts.ts";
import { cut, recordedFates } from "./fates.ts";
import { Kept } from "./kept.ts";
import type { Redaction } from "./redaction.ts";

/** Warnings and the like that are kept of one session. */
const NOTES = 200;
type Heard =
  | "connecting"
  | "connect"
  | "ready"
  | "messageQueued"
  | "messageStart"
  | "sent"
  | "reply"
  | "messageEnd"
  | "retry"
  | "groupStart"
  | "groupEnd"
  | "warning"
  | "error"
  | "close";

/**
 * What is kept of the sessions of one target. Bounded: when there is more than the given number of groups or settled
 * messages, or of their parts, the oldest go; the totals keep counting.
 * Addresses are redacted before anything is kept or cut.
 */
export class Recording {
  readonly totals: Totals = noTotals();
  readonly kept: Kept;
  readonly #redaction: Redaction;
  #sessionCount = 0;

  constructor(most: number, redaction: Redaction) {
    this.kept = new Kept(most);
    this.#redaction = redaction;
  }

  readonly listeners: Required<Pick<Listeners, Heard>> = {
    connecting: (event: ConnectingEvent) => this.#connecting(event),
    connect: (event: ConnectEvent) => this.#connect(event),
    ready: (event: ReadyEvent) => this.#ready(event),
    messageQueued: (event) => {
      this.#of(event).waiting++;
    },
    messageStart: (event) => this.#messageStart(event),
    sent: (event) => this.#sent(event),
    reply: (event) => this.#reply(event),
    messageEnd: (event) => this.#messageEnd(event),
    retry: (event) => this.#retry(event),
    groupStart: (event) => this.#groupStart(event),
    groupEnd: (event) => this.#groupEnd(event),
    warning: (event) => this.#note(event, "warning", `${event.code}: ${event.message}`),
    error: (event) => this.#note(event, "error", `${event.error.code}: ${event.error.message}`),
    close: (event) => {
      this.#note(event, "end", `closed: ${event.reason}`);
      this.#of(event).closed = event.reason;
      this.kept.forgetSessions();
    },
  };

  /** A session that is there when the recording begins. */
  meet({ id, host, port, remoteAddress }: ObservedSession): void {
    Object.assign(this.#session(id), { host, port, remoteAddress });
  }

  #of({ sessionId, time }: SessionEvent): RecordedSession {
    const session = this.#session(sessionId);
    session.startedAt ??= time;
    session.lastAt = time;
    return session;
  }

  #session(id: string): RecordedSession {
    const known = this.kept.sessions.get(id);
    if (known !== undefined) return known;
    const session = newSession(id, ++this.#sessionCount);
    this.kept.sessions.set(id, session);
    return session;
  }

  #count(session: RecordedSession, count: (totals: Totals) => void): void {
    count(session.totals);
    count(this.totals);
  }

  // ---- the session

  #connecting(event: ConnectingEvent): void {
    const { host, port } = event;
    Object.assign(this.#of(event), { host, port });
    this.#note(event, "plain", `connecting to ${serverName(event)}`);
  }

  #connect(event: ConnectEvent): void {
    const { host, port, remoteAddress, secure } = event;
    Object.assign(this.#of(event), { host, port, remoteAddress, secure });
    this.#note(event, "plain", `connected${remoteAddress === undefined ? "" : ` to ${remoteAddress}`}`);
  }

  #ready(event: ReadyEvent): void {
    const session = this.#of(event);
    session.secure = event.secure;
    session.capabilities = Array.from(event.capabilities, ([name, parameters]) =>
      cut(parameters === "" ? name : `${name} ${parameters}`),
    );
    this.#note(event, "plain", "ready");
  }

  #note(event: SessionEvent, kind: Note["kind"], text: string): void {
    const session = this.#of(event);
    session.notes.push({ at: event.time, kind, text: cut(this.#redaction.text(text)) });
    if (session.notes.length > NOTES) {
      session.notes.shift();
      session.notesLeftOut++;
    }
  }

  // ---- groups

  #groupStart(event: GroupStartEvent): void {
    this.#keepGroup(this.#of(event), event.groupId, event.time);
  }

  #keepGroup(session: RecordedSession, id: number, startedAt: number): RecordedGroup {
    const group = newGroup(session, id, startedAt);
    this.kept.addGroup(group);
    return group;
  }

  #sent(event: SentEvent): void {
    const session = this.#of(event);
    const { groupId, command, line, bytes, messageSeq: seq, recipient } = event;
    if (recipient !== undefined && seq !== undefined && this.#redaction.replaces) {
      session.messages.get(seq)?.names.push(recipient);
    }
    const group = session.groups.get(groupId);
    if (group === undefined) return; // begun before the recorder came, or left out
    this.#addExchange(group, {
      command,
      line: cut(this.#redaction.line(line, this.#about(session, seq, recipient))),
      sentAt: event.time,
      bytes,
      seq,
      reply: undefined,
    });
  }

  #addExchange(group: RecordedGroup, exchange: RecordedExchange): void {
    group.bytesSent += exchange.bytes;
    if (exchange.seq !== undefined) group.seqs.add(exchange.seq);
    this.kept.addExchange(group, exchange);
  }

  #reply(event: ReplyEvent): void {
    const session = this.#of(event);
    const { groupId, command, reply, durationMs, messageSeq: seq, recipient } = event;
    // A refusal may come before the command has arrived; what the server says unasked has no command at all.
    if (command !== "greeting" && reply.code < 400) {
      this.#count(session, (totals) => {
        totals.roundTrip = Math.min(totals.roundTrip ?? durationMs, durationMs);
      });
    }
    const group = session.groups.get(groupId);
    if (group === undefined) return;
    const replied = {
      code: reply.code,
      text: this.#replyText(reply, command, this.#about(session, seq, recipient)),
      at: event.time,
    };
    // Replies come in the order of their commands, RFC 2920 §3.1. Nothing is sent for the greeting, nor, in LMTP, for
    // the replies to a text behind the first.
    const waiting = group.exchanges[group.answered++];
    if (waiting !== undefined) waiting.reply = replied;
    else
      this.#addExchange(group, {
        command,
        line: command === "text" ? "." : "",
        sentAt: undefined,
        bytes: 0,
        seq,
        reply: replied,
      });
  }

  #replyText(reply: Reply, command: string, about: readonly string[]): string {
    // What VRFY and EXPN are answered is names of people.
    if (this.#redaction.replaces && (command === "VRFY" || command === "EXPN")) return "(left out)";
    return cut(this.#redaction.text(reply.text, about));
  }

  /** The addresses that a reply is probably about; needed only where they are replaced. */
  #about(session: RecordedSession, seq: number | undefined, recipient: string | undefined): string[] {
    if (!this.#redaction.replaces) return [];
    if (recipient !== undefined) return [recipient];
    return (seq === undefined ? undefined : session.messages.get(seq))?.names ?? [];
  }

  #groupEnd(event: GroupEndEvent): void {
    const session = this.#of(event);
    const { group } = event;
    const commands = commandsOf(group);
    const answered = commands.filter(({ reply }) => reply !== undefined);
    this.#count(session, (totals) => {
      totals.groups++;
      if (answered.length > 0) totals.answeredGroups++;
      totals.commands += commands.length;
      totals.answered += answered.length;
      totals.resets += answered.filter(({ command }) => command === "RSET").length;
      totals.bytesSent += group.bytesSent;
      totals.bytesReceived += group.bytesReceived;
    });
    const kept = session.groups.get(group.id) ?? this.#late(session, group);
    if (kept === undefined) return;
    kept.startedAt = group.startedAt;
    kept.endedAt = group.startedAt + group.durationMs;
    kept.seqs = new Set(group.messageSeqs);
    kept.bytesSent = group.bytesSent;
    kept.bytesReceived = group.bytesReceived;
    kept.error = group.error && cut(this.#redaction.text(`${group.error.code}: ${group.error.message}`));
  }

  /** A group that began before the recorder came: its commands are known, but not the time of each. */
  #late(session: RecordedSession, group: CommandGroup): RecordedGroup | undefined {
    if (group.id <= session.groupsLeftOutTo) return undefined;
    const kept = this.#keepGroup(session, group.id, group.startedAt);
    const at = group.startedAt + group.durationMs;
    const commands = new Set(commandsOf(group));
    for (const exchange of group.exchanges) {
      const { command, line, messageSeq: seq, recipient, reply } = exchange;
      const sent = command !== "greeting" && commands.has(exchange);
      const about = this.#about(session, seq, recipient);
      this.#addExchange(kept, {
        command,
        line: cut(this.#redaction.line(line, about)),
        sentAt: sent ? group.startedAt : undefined,
        bytes: 0,
        seq,
        reply: reply && { code: reply.code, text: this.#replyText(reply, command, about), at },
      });
    }
    return kept;
  }

  // ---- messages

  #messageStart(event: MessageStartEvent): void {
    const session = this.#of(event);
    session.waiting = Math.max(0, session.waiting - 1);
    const { messageSeq: seq, messageId, from, recipients, size, queuedAt, time } = event;
    session.messages.set(seq, {
      session,
      seq,
      id: cut(this.#redaction.text(messageId)),
      from: cut(this.#redaction.address(from)),
      count: recipients,
      size,
      waitMs: time - queuedAt,
      settled: undefined,
      names: this.#redaction.replaces ? [from] : [],
    });
  }

  #retry(event: RetryEvent): void {
    const { messageId, messageSeq } = event;
    this.#of(event).messages.delete(messageSeq);
    const id = cut(this.#redaction.text(messageId));
    this.#note(event, "plain", `message ${id} goes to another session`);
  }

  #messageEnd(event: MessageEndEvent): void {
    const session = this.#of(event);
    const { messageSeq: seq, messageId, delivery, durationMs, waitMs, bytes, time: at } = event;
    this.#count(session, ({ messages, recipients }) => {
      messages[delivery.ok ? "all" : delivery.succeeded.length > 0 ? "some" : "none"]++;
      recipients.succeeded += delivery.succeeded.length;
      recipients.unknown += delivery.unknown.length;
      for (const { retryable } of delivery.failed) recipients[retryable ? "deferred" : "refused"]++;
    });
    // Of one that nothing was sent of there was no start.
    const begun = session.messages.get(seq);
    if (begun === undefined) session.waiting = Math.max(0, session.waiting - 1);
    const recipients = recordedFates(delivery, this.#redaction);
    const message: RecordedMessage = {
      session,
      seq,
      id: begun?.id ?? cut(this.#redaction.text(messageId)),
      from: begun?.from ?? cut(this.#redaction.address(delivery.from)),
      count: recipients.length,
      size: begun?.size,
      waitMs,
      settled: { at, durationMs, bytes, recipients },
      names: [],
    };
    this.kept.addSettled(message);
  }
}
