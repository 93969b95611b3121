import type { SmtpError } from "../protocol/errors.ts";
import { type Reply, replyClass } from "../protocol/reply.ts";

// The fate of a recipient, and the table that decides it:
//
//   address or parameter unfit, nothing of it sent          failed, invalid       for good
//   the server lacks what the message needs                 failed, unsupported   for good
//   MAIL refused                                            failed, mail          retryable if 4yz or 503
//   RCPT refused                                            failed, rcpt          retryable if 4yz
//   DATA refused                                            failed, data          retryable if 4yz
//   end of text answered 2yz                                succeeded
//   end of text, or an unfinished text, answered 4yz, 5yz   failed, message       retryable if 4yz
//   LMTP, end of text: each recipient by its own reply
//   LMTP, unfinished text refused: the first accepted one; the others as when the connection is over
//   the source of the text failed                           failed, message       for good
//   connection over before the terminator was written       failed, connection    retryable
//   connection over behind it                               unknown
//   aborted before DATA was written, not all accepted       failed, aborted       retryable
//
// A result is written once: the first decision stands.

/** At which point a recipient failed. */
export type FailureStage =
  | "invalid"
  | "unsupported"
  | "mail"
  | "rcpt"
  | "data"
  | "message"
  | "connection"
  | "aborted";

/** The server took responsibility: it answered the end of the text with 2yz. */
export interface RecipientSucceeded {
  readonly address: string;
  readonly status: "succeeded";
  readonly stage: "message";
  readonly reply: Reply;
}

/** The message was certainly not delivered to this recipient. */
export interface RecipientFailed {
  readonly address: string;
  readonly status: "failed";
  readonly stage: FailureStage;
  /** Whether the server, or another connection, may take it later. */
  readonly retryable: boolean;
  /** The refusal, where a reply decided. */
  readonly reply?: Reply;
  /** What happened, where no reply alone decided. */
  readonly error?: SmtpError;
}

/** The text was sent to its end and no answer came: the server may have delivered it (RFC 1047). */
export interface RecipientUnknown {
  readonly address: string;
  readonly status: "unknown";
  readonly stage: "connection";
  /** Always false, which means: not by itself. A resend may deliver twice, so you decide. */
  readonly retryable: false;
  readonly error: SmtpError;
}

/** How it ended for one recipient of one message. */
export type RecipientResult = RecipientSucceeded | RecipientFailed | RecipientUnknown;

export function succeeded(address: string, reply: Reply): RecipientSucceeded {
  return { address, status: "succeeded", stage: "message", reply };
}

export function refused(
  address: string,
  stage: "mail" | "rcpt" | "data" | "message",
  reply: Reply,
): RecipientFailed {
  // 503 to MAIL: the server kept the previous transaction open, which a new connection has not.
  const retryable = replyClass(reply) === 4 || (stage === "mail" && reply.code === 503);
  return { address, status: "failed", stage, retryable, reply };
}

const RETRYABLE: ReadonlySet<FailureStage> = new Set(["connection", "aborted"]);

export function failed(address: string, stage: FailureStage, error: SmtpError): RecipientFailed {
  return { address, status: "failed", stage, retryable: RETRYABLE.has(stage), error };
}

export function unknown(address: string, error: SmtpError): RecipientUnknown {
  return { address, status: "unknown", stage: "connection", retryable: false, error };
}
