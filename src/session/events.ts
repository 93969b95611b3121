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

/** A session begins to connect. */
export interface ConnectingEvent extends SessionEvent {
  /** The server's name or address, as given. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

/** The connection stands; the greeting is still to come. */
export interface ConnectEvent extends SessionEvent {
  /** The server's name or address, as given. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** The server's address; undefined on a Unix socket, and where `connectSocket` returned something else than a socket. */
  readonly remoteAddress: string | undefined;
  /** Whether TLS protects the connection. */
  readonly secure: boolean;
}

/** The server's greeting, EHLO and, where it applies, TLS are done. */
export interface ReadyEvent extends SessionEvent {
  /** What the server offers in reply to the last EHLO; empty where it knows only HELO. */
  readonly capabilities: Capabilities;
  /** Whether TLS protects the connection. */
  readonly secure: boolean;
  /** The version of TLS, e.g. `"TLSv1.3"`; missing without TLS. */
  readonly tlsVersion?: string;
  /** Whether the server's certificate was verified. */
  readonly verified: boolean;
  /** Whether the session has authenticated; false in this version. */
  readonly authenticated: boolean;
  /** How it authenticated, e.g. `"SCRAM-SHA-256"`; missing if it did not. */
  readonly mechanism?: MechanismName;
}

/** What every event about one message carries. */
export interface MessageEvent extends SessionEvent {
  /** The `id` that the caller gave the message, or the one it was given. */
  readonly messageId: string;
  /** The number of the message in the session, from 1: unique, where callers' ids need not be. */
  readonly messageSeq: number;
}

/** A message was given to `pipeline()`. */
export interface MessageQueuedEvent extends MessageEvent {
  /** Its reverse-path; `""` is the null reverse-path. */
  readonly from: string;
  /** How many recipients it has. */
  readonly recipients: number;
  /** Octets of its text, if known. */
  readonly size?: number;
}

/** A message's turn has come. */
export interface MessageStartEvent extends MessageQueuedEvent {
  /** When it was queued: epoch milliseconds with fraction. */
  readonly queuedAt: number;
}

/** A command was written, or a text to its end. */
export interface SentEvent extends SessionEvent {
  /** The line without CRLF; `"."` for the end of a text, never the text itself. */
  readonly line: string;
  /** Its verb; see {@link Command}. */
  readonly command: Command;
  /** The number of its group in the session, from 1. */
  readonly groupId: number;
  /** The message it belongs to, if any. */
  readonly messageId?: string;
  /** The number of that message in the session, from 1. */
  readonly messageSeq?: number;
  /** The address that a RCPT names. */
  readonly recipient?: string;
  /** Octets written for it, with the text for the end of a text. */
  readonly bytes: number;
}

/** The server answered a command, or greeted. */
export interface ReplyEvent extends SessionEvent {
  readonly reply: Reply;
  /** The verb that it answers; see {@link Command}. */
  readonly command: Command;
  /** The number of that command's group in the session, from 1. */
  readonly groupId: number;
  /** The message that the command belongs to, if any. */
  readonly messageId?: string;
  /** The number of that message in the session, from 1. */
  readonly messageSeq?: number;
  /** The address that a RCPT names. */
  readonly recipient?: string;
  /** Since its command was written: milliseconds. */
  readonly durationMs: number;
}

/** RCPT was answered 2yz: no fate yet, the text decides. */
export interface RecipientAcceptedEvent extends MessageEvent {
  /** As the message has it. */
  readonly address: string;
  /** The reply to RCPT. */
  readonly reply: Reply;
}

/** The fate of a recipient: the server took responsibility for the message. */
export interface RecipientSucceededEvent extends MessageEvent {
  /** As the message has it. */
  readonly address: string;
  /** The reply to the end of the text. */
  readonly reply: Reply;
}

/** The fate of a recipient: the message was certainly not delivered to it. */
export interface RecipientFailedEvent extends MessageEvent {
  /** As the message has it. */
  readonly address: string;
  /** At which point it failed. */
  readonly stage: FailureStage;
  /** The refusal, where a reply decided. */
  readonly reply?: Reply;
  /** What happened, where no reply alone decided. */
  readonly error?: SmtpError;
  /** Whether the server, or another connection, may take it later. */
  readonly retryable: boolean;
}

/**
 * The fate of a recipient: the text was complete and its answer never came, so the server may have delivered it.
 * Not retryable by itself: to send again may deliver twice, so you decide.
 */
export interface RecipientUnknownEvent extends MessageEvent {
  /** As the message has it. */
  readonly address: string;
  /** What ended the session before the answer. */
  readonly error: SmtpError;
}

/** The fate of every recipient of a message is known. */
export interface MessageEndEvent extends MessageEvent {
  /** What the promise of `pipeline()` is then fulfilled with. */
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

/** A group begins: its first command is about to be written, or the greeting is awaited. */
export interface GroupStartEvent extends SessionEvent {
  /** Its number in the session, from 1. */
  readonly groupId: number;
}

/** All replies of a group came, or the connection ended. */
export interface GroupEndEvent extends SessionEvent {
  /** Its commands and their replies. */
  readonly group: CommandGroup;
}

/**
 * The code of a warning: what was learnt of a peer, or
 * `ESMTP_LISTENER_FAILED` (a listener threw, or its promise rejected; `cause` has the error),
 * `ESMTP_PEER_MEMORY_FAILED` (the option `peers` threw; the same).
 */
export type WarningCode = PeerWarningCode | "ESMTP_LISTENER_FAILED" | "ESMTP_PEER_MEMORY_FAILED";

/** Something to know that costs no message: the session goes on. */
export interface WarningEvent extends SessionEvent {
  /** What to match on. */
  readonly code: WarningCode;
  /** What happened, for people. */
  readonly message: string;
  /** What was thrown, where a listener or the memory of peers failed. */
  readonly cause?: unknown;
}

/** The session failed; `close` follows. */
export interface ErrorEvent extends SessionEvent {
  /** Why; its `code` is what to match on. */
  readonly error: SmtpError;
}

/** The session is over: its last event. */
export interface CloseEvent extends SessionEvent {
  /**
   * - `"quit"`: `quit()` ended it in good order
   * - `"server"`: the server said 421 or hung up, or the connection was lost
   * - `"timeout"`: a deadline passed
   * - `"aborted"`: `destroy()`, or the signal of the session
   * - `"error"`: anything else; the event `error` says what
   */
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
  /** A fate: the server took responsibility. One of the three fates comes for every recipient, once. */
  recipientSucceeded: (event: RecipientSucceededEvent) => void;
  /** A fate: certainly not delivered; `retryable` says whether another try makes sense. */
  recipientFailed: (event: RecipientFailedEvent) => void;
  /** A fate: the server may have delivered it. You decide whether to send again. */
  recipientUnknown: (event: RecipientUnknownEvent) => void;
  /** The fate of every recipient is known. */
  messageEnd: (event: MessageEndEvent) => void;
  /** A group begins: its first command is about to be written, or the greeting is awaited. */
  groupStart: (event: GroupStartEvent) => void;
  /** All replies of a group came, or the connection ended. */
  groupEnd: (event: GroupEndEvent) => void;
  /** The queue was full and has room again: see `ready()`. */
  drain: (event: SessionEvent) => void;
  /** Something was learnt about the server, or a listener failed: the session goes on. */
  warning: (event: WarningEvent) => void;
  /** The session failed. Without a listener nothing is thrown: every recipient has its fate all the same. */
  error: (event: ErrorEvent) => void;
  /** The session is over: always its last event. */
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
