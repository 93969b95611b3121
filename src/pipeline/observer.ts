import type { Command } from "../protocol/command.ts";
import type { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import type { HandshakeNeed } from "./asking.ts";
import type { RecipientResult } from "./fate.ts";
import type { Group, PendingExchange } from "./group.ts";
import type { Handshake } from "./handshake.ts";
import type { PeerFacts } from "./peer.ts";
import type { Recipient, Transaction } from "./transaction.ts";

/** Why a session came to its end. */
export type CloseReason = "quit" | "server" | "timeout" | "error" | "aborted";

/** An ordinary command of the caller's, in its turn between transactions. */
export interface OrdinaryCommand {
  readonly command: Command;
  readonly line: string;
}

/**
 * What the pipeline noticed and the next session should heed. The code of a `warning` event.
 *
 * - `ESMTP_GARBLED_GREETING`: something on the way rewrites the greeting
 * - `ESMTP_FOLLOW_ON_REFUSED`, `_SWALLOWED`, `_SLOW`, `_LOST`: the server refuses, swallows, or is slow to answer what
 *   is pipelined behind a message's text, or hung up on it
 * - `ESMTP_FOLLOW_ON_STORED`: its software is known to store that in the message
 * - `ESMTP_PIPELINING_UNFIT`: its first group was not answered, or its replies were out of step
 * - `ESMTP_CHUNKING_UNFIT`: it offers CHUNKING and does not bear it; texts go with DATA
 * - `ESMTP_STARTTLS_REFUSED`: it offers STARTTLS and refuses it; the session goes on in plain text (`"opportunistic"`)
 * - `ESMTP_DSN_UNSUPPORTED`: a message asks about notifications, and the server does not offer DSN
 * - `ESMTP_DELIVERBY_UNSUPPORTED`: a message says by when to tell its sender, and the server does not offer DELIVERBY
 * - `ESMTP_MT_PRIORITY_UNSUPPORTED`: a message has a priority, and the server does not offer MT-PRIORITY
 */
export type PeerWarningCode =
  | "ESMTP_GARBLED_GREETING"
  | "ESMTP_FOLLOW_ON_REFUSED"
  | "ESMTP_FOLLOW_ON_SWALLOWED"
  | "ESMTP_FOLLOW_ON_SLOW"
  | "ESMTP_FOLLOW_ON_LOST"
  | "ESMTP_FOLLOW_ON_STORED"
  | "ESMTP_PIPELINING_UNFIT"
  | "ESMTP_CHUNKING_UNFIT"
  | "ESMTP_STARTTLS_REFUSED"
  | "ESMTP_DSN_UNSUPPORTED"
  | "ESMTP_DELIVERBY_UNSUPPORTED"
  | "ESMTP_MT_PRIORITY_UNSUPPORTED";

export interface PeerWarning {
  readonly code: PeerWarningCode;
  readonly message: string;
}

/** What the pipeline tells. No method may call back into the pipeline: it takes notes, and acts on them later. */
export interface PipelineObserver {
  /** The server's capabilities are known: what is remembered of such a server? */
  recall(handshake: Handshake): PeerFacts;
  /** What left with the connection was not right for this server, or was not answered: not again. */
  earlyUnfit(): void;
  /** Before anything else the handshake needs something that takes its time. See `answered()`. */
  needs(need: HandshakeNeed): void;
  ready(handshake: Handshake, now: number): void;
  /** Something was learnt about the server that the next session should know. */
  learnt(facts: PeerFacts, warning?: PeerWarning): void;
  /** Something of no weight for the next session. */
  warned(warning: PeerWarning): void;
  groupStart(group: Group): void;
  groupEnd(group: Group): void;
  sent(exchange: PendingExchange): void;
  replied(exchange: PendingExchange, reply: Reply, now: number): void;
  /** A message goes on in a further transaction: its text is needed again. */
  again(transaction: Transaction): void;
  transactionStart(transaction: Transaction, now: number): void;
  recipientAccepted(transaction: Transaction, recipient: Recipient, reply: Reply): void;
  recipientSettled(transaction: Transaction, result: RecipientResult): void;
  transactionEnd(transaction: Transaction, now: number): void;
  commandEnd(command: OrdinaryCommand, outcome: Reply | SmtpError): void;
  failed(error: SmtpError, reason: CloseReason): void;
  /** QUIT was answered, or the server closed instead. */
  finished(): void;
}
