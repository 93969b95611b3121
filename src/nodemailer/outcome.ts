import type { RecipientFailed, RecipientResult } from "../pipeline/fate.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Delivery } from "../session/message.ts";
import { apiError, fromSmtpError, type NodemailerError, refusal, responseOf } from "./errors.ts";

/** What `sendMail()` fulfils with, as with nodemailer's SMTP transports. */
export interface SentMessageInfo {
  envelope: { from: string; to: string[] };
  messageId: string;
  /** The recipients that the server took the text for. */
  accepted: string[];
  /** Those that certainly did not get it. */
  rejected: string[];
  /** What each of them failed with; missing where there is none. */
  rejectedErrors?: NodemailerError[];
  /** Those that may have got it: no answer came for them. Missing where there is none. */
  unknown?: string[];
  /** What the server offers. Missing where it answered HELO only. */
  ehlo?: string[];
  /** From the first command to the last answer to RCPT: milliseconds. */
  envelopeTime: number;
  /** From there to the answer to the text: milliseconds. */
  messageTime: number;
  /** Octets of text that were written. */
  messageSize: number;
  /** The answer to the text. */
  response: string;
  /** The Message-ID that the server gave the message, where its answer is of a kind known to name one. */
  serverMessageId?: string;
  // Whatever nodemailer's own type allows to be read of a result.
  [field: string]: unknown;
}

/** The stages that are about a recipient alone, not about the message. */
const OF_A_RECIPIENT: ReadonlySet<RecipientResult["stage"]> = new Set(["rcpt", "invalid", "unsupported"]);

/** The recipients of a delivery, in nodemailer's words. */
export function recipientsOf(
  delivery: Delivery,
): Pick<SentMessageInfo, "accepted" | "rejected" | "rejectedErrors" | "unknown"> {
  const { succeeded, failed, unknown } = delivery;
  return {
    accepted: succeeded.map(({ address }) => address),
    rejected: failed.map(({ address }) => address),
    ...(failed.length > 0 && { rejectedErrors: failed.map(errorOfRecipient) }),
    ...(unknown.length > 0 && { unknown: unknown.map(({ address }) => address) }),
  };
}

/** The reply that tells of those that succeeded: LMTP gives one for each, of which the last is told. */
export function acceptance({ reply, succeeded }: Delivery): string {
  const last: Reply | undefined = succeeded.at(-1)?.reply ?? reply;
  return last === undefined ? "" : responseOf(last);
}

/**
 * What a message failed with of which nobody got anything, as far as is known.
 * @param lmtp whether each recipient was answered for itself
 */
export function failureOf(delivery: Delivery, lmtp: boolean): NodemailerError {
  const { failed, unknown } = delivery;
  const [lost] = unknown;
  if (lost !== undefined) {
    return fromSmtpError(lost.error, {
      fate: "unknown",
      retryable: false,
      ...(failed.length > 0 && rejectedFacts(failed)),
      unknown: unknown.map(({ address }) => address),
    });
  }
  const isOfMessage = ({ stage, reply, error }: RecipientFailed): boolean =>
    (reply === undefined && error !== undefined && error === delivery.error) ||
    !(OF_A_RECIPIENT.has(stage) || (lmtp && stage === "message"));
  const whole = failed.find(isOfMessage);
  const own = failed.filter((result) => !isOfMessage(result));
  const error = whole === undefined ? allRejected(own) : errorOf(whole);
  if (own.length > 0) Object.assign(error, rejectedFacts(own));
  return error;
}

function rejectedFacts(
  failed: readonly RecipientFailed[],
): Pick<NodemailerError, "rejected" | "rejectedErrors"> {
  return { rejected: failed.map(({ address }) => address), rejectedErrors: failed.map(errorOfRecipient) };
}

/** Of the first that was refused for now there is told, since the message is not lost for all; else of the last. */
function allRejected(failed: readonly RecipientFailed[]): NodemailerError {
  const isForNow = ({ reply }: RecipientFailed): boolean => reply !== undefined && reply.code < 500;
  const told = failed.reduce((a, b) => (isForNow(a) || b.reply === undefined ? a : b));
  const error = errorOf(told, "Can't send mail - all recipients were rejected");
  error.retryable = failed.some(({ retryable }) => retryable);
  return error;
}

function errorOfRecipient(result: RecipientFailed): NodemailerError {
  const { stage, address } = result;
  // The text has an answer for a recipient alone in LMTP.
  const error = errorOf(result, stage === "message" ? `Message failed for recipient ${address}` : undefined);
  return Object.assign(error, { recipient: address });
}

type Refusal = readonly [what: string, code: string, command: string];

/** How nodemailer tells of a refusal at each stage. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  mail: ["Mail command failed", "EENVELOPE", "MAIL FROM"],
  rcpt: ["Recipient command failed", "EENVELOPE", "RCPT TO"],
  data: ["Data command failed", "EENVELOPE", "DATA"],
};

const OTHER: Refusal = ["Message failed", "EMESSAGE", "DATA"];

function errorOf({ stage, retryable, reply, error }: RecipientFailed, words?: string): NodemailerError {
  const [usual, code, command] = REFUSALS[stage] ?? OTHER;
  const what = words ?? usual;
  const facts = { fate: "failed", retryable } as const;
  if (reply !== undefined) return refusal(what, reply, { code, command, ...facts });
  return error === undefined ? apiError(code, what, facts) : fromSmtpError(error, facts);
}
