import type { Command } from "../protocol/command.ts";
import type { SmtpError } from "../protocol/errors.ts";
import { type Reply, replyClass } from "../protocol/reply.ts";
import type { Transaction } from "./transaction.ts";

/** One command and its reply. */
export interface Exchange {
  /** Its verb; see {@link Command}. */
  readonly command: Command;
  /** The line as sent, without CRLF: `"."` for the end of a text, `""` for the greeting. */
  readonly line: string;
  /** The reply; missing where the connection ended first. */
  readonly reply?: Reply;
  /** The message it belongs to. */
  readonly messageId?: string;
  /** The number of that message in the session, from 1: unique, where callers' ids need not be. */
  readonly messageSeq?: number;
  /** The address that a RCPT names; in LMTP also the one whose fate a reply to the text decides. */
  readonly recipient?: string;
}

/** The addresses whose state changed by replies to a group, or by its end. */
export interface GroupRecipients {
  /** Accepted by RCPT. */
  readonly accepted: readonly string[];
  readonly succeeded: readonly string[];
  readonly failed: readonly string[];
  readonly unknown: readonly string[];
}

/** What was written before the session had to wait for a reply (RFC 2920 §3.1), with what came back. */
export interface CommandGroup {
  /** Its number in the session, from 1. */
  readonly id: number;
  /** One per reply owed, in order. LMTP: the end of a text stands here once per accepted recipient. */
  readonly exchanges: readonly Exchange[];
  /** The messages it carries something of, by their numbers in the session, in order; a text that was cut off too. */
  readonly messageSeqs: readonly number[];
  /** When its first octet was written: epoch milliseconds with fraction. */
  readonly startedAt: number;
  /** Until its last reply, or until the connection ended: milliseconds. */
  readonly durationMs: number;
  /** Octets written, texts included. */
  readonly bytesSent: number;
  /** Octets of the replies. */
  readonly bytesReceived: number;
  /** Until its first reply: milliseconds; missing if none came. */
  readonly firstReplyMs?: number;
  /** The lines of the exchanges. `sent`, `codes` and `messages` have one entry per exchange. */
  readonly sent: readonly string[];
  /** The reply codes; undefined for a missing reply. */
  readonly codes: readonly (number | undefined)[];
  /** The texts of the replies; undefined for a missing reply. */
  readonly messages: readonly (string | undefined)[];
  /** The exchanges answered 4yz or 5yz. */
  readonly errors: readonly Exchange[];
  readonly recipients: GroupRecipients;
  /** What the session failed with, where that is why replies are missing or a text was cut off. */
  readonly error?: SmtpError;
}

/** What a command is beside its line. */
export interface Entry {
  readonly command: Command;
  readonly line: string;
  readonly transaction?: Transaction | undefined;
  readonly recipientIndex?: number | undefined;
  /** Octets that leave now; the greeting has none. Default: the line with its CRLF. */
  readonly octets?: number | undefined;
  /** `BDAT … LAST`: the end of a text. */
  readonly last?: boolean | undefined;
  /** Octets that belong to the command, where others left before: a text's. Default: those that leave now. */
  readonly bytes?: number | undefined;
}

/** A command on its way: what the pipeline knows of an exchange until its reply has come. */
export class PendingExchange {
  readonly command: Command;
  readonly line: string;
  readonly group: Group;
  readonly transaction: Transaction | undefined;
  /** Index in the transaction's recipients, for a RCPT, and in LMTP for the end of a text. */
  readonly recipientIndex: number | undefined;
  /** Whether it is the end of a text that went in chunks. */
  readonly last: boolean;
  readonly sentAt: number;
  /** Octets written for it, line end included; with the text for the end of a text. */
  readonly bytes: number;
  /** When it became the oldest unanswered command: its deadline runs from here. */
  oldestSince: number;
  /** A text, or a chunk of one: when its last octet was flushed, as far as its deadline needs that; undefined until then. */
  flushedAt: number | undefined;
  reply: Reply | undefined;

  constructor(entry: Entry, group: Group, bytes: number, sentAt: number) {
    this.command = entry.command;
    this.line = entry.line;
    this.transaction = entry.transaction;
    this.recipientIndex = entry.recipientIndex;
    this.last = entry.last === true;
    this.group = group;
    this.bytes = bytes;
    this.sentAt = sentAt;
    this.oldestSince = sentAt;
  }

  get recipient(): string | undefined {
    return this.recipientIndex === undefined
      ? undefined
      : this.transaction?.recipients[this.recipientIndex]?.address;
  }
}

/** A command group while it is written and answered. */
export class Group {
  readonly id: number;
  readonly startedAt: number;
  readonly exchanges: PendingExchange[] = [];
  readonly recipients = {
    accepted: [] as string[],
    succeeded: [] as string[],
    failed: [] as string[],
    unknown: [] as string[],
  };
  /** The transactions it carries something of. */
  readonly transactions: Set<Transaction> = new Set();
  /** Commands written; there may be more exchanges, where one command is answered several times. */
  commands = 0;
  bytesSent = 0;
  bytesReceived = 0;
  unanswered = 0;
  /** Whether more may be written into it. */
  open = true;
  firstReplyAt: number | undefined;
  endedAt: number | undefined;
  error: SmtpError | undefined;

  constructor(id: number, startedAt: number) {
    this.id = id;
    this.startedAt = startedAt;
  }

  /** The group as users see it: built when somebody asks. */
  toCommandGroup(): CommandGroup {
    const exchanges = this.exchanges.map(toExchange);
    return {
      id: this.id,
      exchanges,
      messageSeqs: Array.from(this.transactions, ({ seq }) => seq),
      startedAt: this.startedAt,
      durationMs: (this.endedAt ?? this.startedAt) - this.startedAt,
      bytesSent: this.bytesSent,
      bytesReceived: this.bytesReceived,
      ...(this.firstReplyAt !== undefined && { firstReplyMs: this.firstReplyAt - this.startedAt }),
      sent: exchanges.map(({ line }) => line),
      codes: exchanges.map(({ reply }) => reply?.code),
      messages: exchanges.map(({ reply }) => reply?.text),
      errors: exchanges.filter(({ reply }) => reply !== undefined && replyClass(reply) >= 4),
      recipients: {
        accepted: [...this.recipients.accepted],
        succeeded: [...this.recipients.succeeded],
        failed: [...this.recipients.failed],
        unknown: [...this.recipients.unknown],
      },
      ...(this.error !== undefined && { error: this.error }),
    };
  }
}

function toExchange(pending: PendingExchange): Exchange {
  const { command, line, reply, transaction, recipient } = pending;
  const exchange: { -readonly [K in keyof Exchange]: Exchange[K] } = { command, line };
  if (reply !== undefined) exchange.reply = reply;
  if (transaction !== undefined) {
    exchange.messageId = transaction.id;
    exchange.messageSeq = transaction.seq;
  }
  if (recipient !== undefined) exchange.recipient = recipient;
  return exchange;
}
