import { type SpanStatus, SpanStatusCode } from "@opentelemetry/api";
import type { CommandGroup, Exchange } from "../../pipeline/group.ts";
import type { SmtpErrorCode } from "../../protocol/errors.ts";
import { type Reply, replyClass } from "../../protocol/reply.ts";
import type { Delivery } from "../../session/message.ts";
import { VERBS } from "../verbs.ts";

/** Why a span has the status ERROR. */
export interface Failure {
  /** For `error.type`: the reply code, or the code of the error. */
  readonly type: string;
  readonly status: SpanStatus;
}

/**
 * Fixed texts: those of replies and errors can hold addresses, and have no place in a span.
 */
const MEANING: Readonly<Record<SmtpErrorCode, string>> = {
  ESMTP_CONNECT: "No connection could be made",
  ESMTP_CONNECTION_LOST: "The connection was lost",
  ESMTP_TIMEOUT: "A deadline passed",
  ESMTP_GREETING_REFUSED: "The server's greeting was a refusal",
  ESMTP_HELLO_REFUSED: "EHLO and HELO, or LHLO, were refused",
  ESMTP_TLS_UNAVAILABLE: "TLS is required, and the server does not offer it",
  ESMTP_TLS_FAILED: "TLS could not be agreed on",
  ESMTP_TLS_INJECTION: "Something came in plain text behind the 220 to STARTTLS",
  ESMTP_AUTH_UNAVAILABLE: "The server offers no AUTH that fits",
  ESMTP_AUTH_INSECURE: "The secret would be shown without TLS",
  ESMTP_AUTH_FAILED: "The credentials were refused",
  ESMTP_CREDENTIALS: "No credentials were to be had",
  ESMTP_XCLIENT: "XCLIENT was refused",
  ESMTP_SERVER_CLOSING: "The server closed the session",
  ESMTP_MAIL_LIMIT: "The server takes no more messages of one session",
  ESMTP_AUTH_REQUIRED: "The server wants authentication",
  ESMTP_OUT_OF_STEP: "A reply came that fits no command",
  ESMTP_MALFORMED_REPLY: "The server sent something that is no reply",
  ESMTP_REPLY_TOO_LONG: "A reply was too long",
  ESMTP_FOLLOW_ON: "The server mishandled what was pipelined behind a message",
  ESMTP_EARLY_MISMATCH: "The server has changed since the last connection",
  ESMTP_WRONG_TRANSACTION: "The server would have taken the text under another sender",
  ESMTP_EARLY_REPLY: "The server answered a text that was not finished",
  ESMTP_INVALID_ADDRESS: "An address is unfit",
  ESMTP_INVALID_PARAMETER: "A parameter is unfit",
  ESMTP_UNSUPPORTED: "The server lacks an extension that the message needs",
  ESMTP_SIZE_EXCEEDED: "The message is larger than the server takes",
  ESMTP_NOT_ALL_ACCEPTED: "Not every recipient was accepted, and the message requires all",
  ESMTP_SOURCE_FAILED: "The message's data failed",
  ESMTP_SOURCE_TIMEOUT: "The message's data stalled",
  ESMTP_SOURCE_CONSUMED: "The message's stream had been read from before",
  ESMTP_JOURNAL: "The journal can't be read or written",
  ESMTP_JOURNAL_LOCKED: "Another process has the journal open",
  ESMTP_JOURNAL_DAMAGED: "The journal is damaged",
  ESMTP_JOURNAL_DUPLICATE: "The journal has a message with this id already",
  ESMTP_ABORTED: "Aborted by the caller",
  ESMTP_DESTROYED: "Destroyed by the caller",
  ESMTP_CLOSED: "The session was closed already",
};

export function errorFailure(code: SmtpErrorCode): Failure {
  return { type: code, status: { code: SpanStatusCode.ERROR, message: MEANING[code] } };
}

function replyFailure({ code }: Reply, what: string): Failure {
  return {
    type: String(code),
    status: { code: SpanStatusCode.ERROR, message: `${what} was answered ${code}` },
  };
}

/** A message failed if no recipient succeeded, or if any fate is unknown. A partial success is no error. */
export function deliveryFailure(delivery: Delivery): Failure | undefined {
  const [unknown] = delivery.unknown;
  if (unknown !== undefined) return errorFailure(unknown.error.code);
  if (delivery.succeeded.length > 0) return undefined;
  const { reply, error } =
    delivery.reply === undefined && delivery.error === undefined ? (delivery.failed[0] ?? {}) : delivery;
  if (error !== undefined) return errorFailure(error.code);
  return reply === undefined ? undefined : replyFailure(reply, "The message");
}

/**
 * A group failed if the session did while replies were owed, if a command other than RCPT was refused, or if every RCPT
 * was, or in LMTP the text by every recipient's reply: a refused recipient among others is the daily bread of mail.
 * So is a text in a burst that is refused for that. What the discard probe asks for is to be refused.
 */
export function groupFailure({ error, exchanges, errors }: CommandGroup): Failure | undefined {
  if (error !== undefined) return errorFailure(error.code);
  if (errors.length === 0) return undefined;
  const recipients = exchanges.filter(({ command }) => command === "RCPT");
  const taken = exchanges.some((each) => isText(each) && each.reply !== undefined && !refused(each));
  const failed = errors.find((each) => {
    if (each.command === "RCPT") return recipients.every(refused);
    if (isText(each)) return !taken;
    return each.command !== "BDAT" || (each.messageSeq !== undefined && !forNobody(each, recipients));
  });
  return failed?.reply === undefined
    ? undefined
    : replyFailure(failed.reply, VERBS.includes(failed.command) ? failed.command : "A command");
}

/** The end of a text that no burst holds: in LMTP one for each recipient. */
function isText({ command, recipient }: Exchange): boolean {
  return command === "text" || (command === "BDAT" && recipient !== undefined);
}

/** Every RCPT of its message was refused. */
function forNobody({ messageSeq }: Exchange, recipients: readonly Exchange[]): boolean {
  const own = recipients.filter((each) => each.messageSeq === messageSeq);
  return own.length > 0 && own.every(refused);
}

function refused({ reply }: Exchange): boolean {
  return reply !== undefined && replyClass(reply) >= 4;
}
