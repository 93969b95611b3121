import type { FailureStage, RecipientResult } from "../pipeline/fate.ts";
import type { CommandGroup } from "../pipeline/group.ts";
import type { CloseReason, PeerWarningCode } from "../pipeline/observer.ts";
import type { Capabilities } from "../protocol/capabilities.ts";
import type { Command } from "../protocol/command.ts";
import type { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import type { MechanismName } from "../protocol/sasl/exchange.ts";
import type { Delivery } from "./message.ts";

/** What every event carries. */
export interface SessionEvent {
  /** The session it happened in. */
  readonly sessionId: string;
  /** When: epoch milliseconds with fraction. */
  readonly time: number;
}

/** Where the session is about to connect to. */
export interface ConnectingEvent extends SessionEvent {
  /** The server's name or address as given; the path of a Unix socket. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

/** The connection stands; the greeting is yet to come. */
export interface ConnectEvent extends SessionEvent {
  /** The server's name or address as given; the path of a Unix socket. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** The server's address; undefined on a Unix socket, and where `connectSocket` returned something else than a socket. */
  readonly remoteAddress: string | undefined;
  /** Whether TLS protects the connection. */
  readonly secure: boolean;
}

/** What the session begins with: the server's offer, TLS, and who it is to the server. */
export interface ReadyEvent extends SessionEvent {
  readonly capabilities: Capabilities;
  readonly secure: boolean;
  /** The version of TLS, e.g. `"TLSv1.3"`; missing without TLS. */
  readonly tlsVersion?: string;
  /** Whether the server's certificate was verified. */
  readonly verified: boolean;
  /** Whether a TLS session of before was resumed; missing without TLS. */
  readonly tlsResumed?: boolean;
  readonly authenticated: boolean;
  /** How it authenticated, e.g. `"SCRAM-SHA-256"`; missing if it did not. */
  readonly mechanism?: MechanismName;
}

/** What every event about one message carries. */
export interface MessageEvent extends SessionEvent {
  readonly messageId: string;
  /** The number of the message in the session, from 1: unique, where callers' ids need not be. */
  readonly messageSeq: number;
}

/** A message was given to the session. */
export interface MessageQueuedEvent extends MessageEvent {
  readonly from: string;
  /** How many recipients it has. */
  readonly recipients: number;
  /** Octets of its text, if known. */
  readonly size?: number;
}

/** The first command of a message is about to be written. */
export interface MessageStartEvent extends MessageQueuedEvent {
  /** When it was queued: epoch milliseconds with fraction. */
  readonly queuedAt: number;
}

/** A command was written, with the command group it belongs to. */
export interface SentEvent extends SessionEvent {
  /** The line without CRLF; `"."` for the end of a text, never the text itself. */
  readonly line: string;
  readonly command: Command;
  readonly groupId: number;
  readonly messageId?: string;
  readonly messageSeq?: number;
  readonly recipient?: string;
  /** Octets written for it, with the text for the end of a text. */
  readonly bytes: number;
}

/** A command was answered. */
export interface ReplyEvent extends SessionEvent {
  readonly reply: Reply;
  readonly command: Command;
  readonly groupId: number;
  readonly messageId?: string;
  readonly messageSeq?: number;
  /** The address that a RCPT names; in LMTP also the one whose fate a reply to the text decides. */
  readonly recipient?: string;
  /** Since its command was written: milliseconds. */
  readonly durationMs: number;
}

/** RCPT was answered 2yz: no fate yet, the text decides. */
export interface RecipientAcceptedEvent extends MessageEvent {
  readonly address: string;
  /** The reply to RCPT. */
  readonly reply: Reply;
}

/** A final fate: the server has taken responsibility for this recipient. */
export interface RecipientSucceededEvent extends MessageEvent {
  readonly address: string;
  /** The reply to the end of the text. */
  readonly reply: Reply;
}

/** A final fate: certainly not delivered to this recipient. */
export interface RecipientFailedEvent extends MessageEvent {
  readonly address: string;
  readonly stage: FailureStage;
  readonly reply?: Reply;
  readonly error?: SmtpError;
  readonly retryable: boolean;
}

/** A final fate: the text was sent to its end and no answer came, so it may have been delivered. */
export interface RecipientUnknownEvent extends MessageEvent {
  readonly address: string;
  readonly error: SmtpError;
}

/** The fate of every recipient of a message is known. */
export interface MessageEndEvent extends MessageEvent {
  readonly delivery: Delivery<unknown>;
  /** How many recipients RCPT accepted, whatever became of them. */
  readonly accepted: number;
  /** From its first command to its fate: milliseconds. 0 if nothing of it was sent. */
  readonly durationMs: number;
  /** From `pipeline()` to its first command, or to its fate if nothing was sent: milliseconds. */
  readonly waitMs: number;
  /** Octets of text written. */
  readonly bytes: number;
}

/** A command group is about to be written. */
export interface GroupStartEvent extends SessionEvent {
  readonly groupId: number;
}

/** A command group has all its replies, or the connection ended. */
export interface GroupEndEvent extends SessionEvent {
  readonly group: CommandGroup;
}

/**
 * The code of a warning: what was learnt of a peer, or
 * `ESMTP_LISTENER_FAILED` (a listener threw, or its promise rejected; `cause` has the error),
 * `ESMTP_PEER_MEMORY_FAILED` (the option `peers` threw; the same).
 */
export type WarningCode = PeerWarningCode | "ESMTP_LISTENER_FAILED" | "ESMTP_PEER_MEMORY_FAILED";

/** Something that the session coped with, and that is worth knowing. */
export interface WarningEvent extends SessionEvent {
  readonly code: WarningCode;
  readonly message: string;
  readonly cause?: unknown;
}

/** The session failed: what is not settled yet gets its fate now. */
export interface ErrorEvent extends SessionEvent {
  readonly error: SmtpError;
}

/** The session is over: the last event. */
export interface CloseEvent extends SessionEvent {
  readonly reason: CloseReason;
}

/**
 * The events of a session, by name. For one message the recipients' events come first, then `messageEnd`,
 * then its promise is fulfilled; `close` is always the last event of a session.
 */
export interface SessionEvents {
  /** The session begins to connect; emitted inside the call that made it, in the caller's async context. */
  connecting: (event: ConnectingEvent) => void;
  /** The connection stands. */
  connect: (event: ConnectEvent) => void;
  /** Greeting, EHLO (LMTP: LHLO), TLS and AUTH are done: messages go out. */
  ready: (event: ReadyEvent) => void;
  /** Emitted inside `pipeline()`, in the caller's async context. */
  messageQueued: (event: MessageQueuedEvent) => void;
  /** The first command of a message is about to be written. */
  messageStart: (event: MessageStartEvent) => void;
  /** A command was written. The end of a text is told once, also in LMTP, where several replies answer it. */
  sent: (event: SentEvent) => void;
  /** A command was answered. */
  reply: (event: ReplyEvent) => void;
  /** RCPT was answered 2yz: the text decides. */
  recipientAccepted: (event: RecipientAcceptedEvent) => void;
  /** The server took the text for a recipient. */
  recipientSucceeded: (event: RecipientSucceededEvent) => void;
  /** A recipient will not get the message from this session. */
  recipientFailed: (event: RecipientFailedEvent) => void;
  /** Nobody knows whether a recipient got the message. */
  recipientUnknown: (event: RecipientUnknownEvent) => void;
  /** The fate of every recipient is known. */
  messageEnd: (event: MessageEndEvent) => void;
  /** A command group begins. */
  groupStart: (event: GroupStartEvent) => void;
  /** All replies of a group came, or the connection ended. */
  groupEnd: (event: GroupEndEvent) => void;
  /** The queue was full and has room again: see `ready()`. */
  drain: (event: SessionEvent) => void;
  /** Something was learnt about the server, a listener failed, or a message goes out without what it asks for. */
  warning: (event: WarningEvent) => void;
  /** The session failed. Without a listener nothing is thrown: every recipient has its fate all the same. */
  error: (event: ErrorEvent) => void;
  /** The session is over. */
  close: (event: CloseEvent) => void;
}

/** The name of an event. */
export type SessionEventName = keyof SessionEvents;

/** The payload of an event. */
export type PayloadOf<E extends SessionEventName> = Parameters<SessionEvents[E]>[0];

/** The payload of an event without what every event carries. */
export type Facts<E extends SessionEventName> = Omit<PayloadOf<E>, keyof SessionEvent>;

/** The recipient event that tells of a result. */
export const EVENT_OF_STATUS: Readonly<Record<RecipientResult["status"], SessionEventName>> = {
  succeeded: "recipientSucceeded",
  failed: "recipientFailed",
  unknown: "recipientUnknown",
};
