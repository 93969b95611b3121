/** What the totals of a recording, and of each of its sessions, count. */
export interface Totals {
  /** Messages whose fate is known: by how many of their recipients succeeded. */
  readonly messages: { all: number; some: number; none: number };
  readonly recipients: { succeeded: number; deferred: number; refused: number; unknown: number };
  /** Groups that are over. */
  groups: number;
  /** Those that got a reply: each was a round trip. */
  answeredGroups: number;
  /** Commands of groups that are over, the greeting among them. */
  commands: number;
  answered: number;
  /** RSETs among the answered: only pipelining needs them. */
  resets: number;
  bytesSent: number;
  bytesReceived: number;
  /** The shortest time from a command to its reply: milliseconds. */
  roundTrip: number | undefined;
}

export function noTotals(): Totals {
  return {
    messages: { all: 0, some: 0, none: 0 },
    recipients: { succeeded: 0, deferred: 0, refused: 0, unknown: 0 },
    groups: 0,
    answeredGroups: 0,
    commands: 0,
    answered: 0,
    resets: 0,
    bytesSent: 0,
    bytesReceived: 0,
    roundTrip: undefined,
  };
}

interface RecordedReply {
  readonly code: number;
  readonly text: string;
  readonly at: number;
}

export interface RecordedExchange {
  readonly command: string;
  readonly line: string;
  /** Undefined for the greeting. */
  readonly sentAt: number | undefined;
  readonly bytes: number;
  /** The number of its message in the session. */
  readonly seq: number | undefined;
  reply: RecordedReply | undefined;
}

export interface RecordedGroup {
  readonly session: RecordedSession;
  readonly id: number;
  startedAt: number;
  /** Undefined while replies are owed. */
  endedAt: number | undefined;
  readonly exchanges: RecordedExchange[];
  /** How many of them, from the first, have their reply. */
  answered: number;
  /** The messages it carries something of: their numbers. */
  seqs: Set<number>;
  bytesSent: number;
  bytesReceived: number;
  /** Why replies are missing. */
  error: string | undefined;
}

export interface RecordedRecipient {
  readonly address: string;
  readonly status: "succeeded" | "failed" | "unknown";
  readonly stage: string;
  readonly retryable: boolean;
  /** The reply that decided it, or the error. */
  readonly why: string;
}

export interface RecordedMessage {
  readonly session: RecordedSession;
  /** Its number in the session; unique, where ids are not. */
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  /** How many recipients it has. */
  readonly count: number;
  size: number | undefined;
  /** Until its first command: milliseconds. */
  waitMs: number;
  /** Undefined while its fate is open. */
  settled:
    | {
        readonly at: number;
        readonly durationMs: number;
        readonly bytes: number;
        readonly recipients: readonly RecordedRecipient[];
      }
    | undefined;
  /** Addresses as they are, while its replies are to be redacted. */
  readonly names: string[];
}

/** Something that happened beside the commands. */
export interface Note {
  readonly at: number;
  readonly kind: "plain" | "warning" | "error" | "end";
  readonly text: string;
}

export interface RecordedSession {
  readonly id: string;
  /** Of sessions in the recording, from 1. */
  readonly number: number;
  host: string;
  port: number;
  remoteAddress: string | undefined;
  secure: boolean;
  /** Undefined where it was ready before the recorder came. */
  capabilities: readonly string[] | undefined;
  startedAt: number | undefined;
  /** The time of its latest event. */
  lastAt: number;
  closed: string | undefined;
  notes: Note[];
  notesLeftOut: number;
  readonly groups: Map<number, RecordedGroup>;
  /** No group up to this number comes back once it was left out. */
  groupsLeftOutTo: number;
  readonly messages: Map<number, RecordedMessage>;
  /** Messages queued whose first command is not written. */
  waiting: number;
  readonly totals: Totals;
}

export function newSession(id: string, number: number): RecordedSession {
  return {
    id,
    number,
    host: "",
    port: 0,
    remoteAddress: undefined,
    secure: false,
    capabilities: undefined,
    startedAt: undefined,
    lastAt: 0,
    closed: undefined,
    notes: [],
    notesLeftOut: 0,
    groups: new Map(),
    groupsLeftOutTo: 0,
    messages: new Map(),
    waiting: 0,
    totals: noTotals(),
  };
}

export function newGroup(session: RecordedSession, id: number, startedAt: number): RecordedGroup {
  return {
    session,
    id,
    startedAt,
    endedAt: undefined,
    exchanges: [],
    answered: 0,
    seqs: new Set(),
    bytesSent: 0,
    bytesReceived: 0,
    error: undefined,
  };
}
