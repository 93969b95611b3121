import { SmtpError, type SmtpErrorCode } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";

/** An error as nodemailer's transports give it. Its `cause` is the {@link SmtpError}, where no reply alone decided. */
export interface NodemailerError extends Error {
  /** Nodemailer's code: `"EENVELOPE"`, `"EMESSAGE"`, `"ECONNECTION"` … */
  code: string;
  /**
   * What is known of the message: `"failed"`: those that it failed for certainly did not get it; `"unknown"`: its text was
   * sent to the end, and no answer came, so that it may have been delivered. Missing where `verify()` rejects.
   */
  fate?: "failed" | "unknown";
  /**
   * Whether the message may be sent again as it is: nobody that it failed for got it, and nothing was said against the
   * message itself. False where the fate is unknown, or a refusal is for good.
   */
  retryable: boolean;
  /** The command that it belongs to: `"RCPT TO"`; `"CONN"` for the connection, `"API"` for what was never sent. */
  command?: string;
  /** The server's reply, with its code. */
  response?: string;
  responseCode?: number;
  /** Whether the server will say the same next time. */
  permanent?: boolean;
  /** The recipient it is about, in a list of them. */
  recipient?: string;
  /** Who certainly did not get the message, where the others' fate is another. */
  rejected?: string[];
  /** What each of them failed with. */
  rejectedErrors?: NodemailerError[];
  /** Who may have got the message: its text was sent to the end, and no answer came. */
  unknown?: string[];
  /** The system's code, as `"ECONNREFUSED"`. */
  originalCode?: string;
  /** Which wait came to an end. */
  timeoutType?: "CONNECT_TIMEOUT" | "GREETING_TIMEOUT" | "UPGRADE_TIMEOUT" | "SOCKET_TIMEOUT";
}

interface Facts extends Omit<Partial<NodemailerError>, "code" | "message"> {}

function make(code: string, message: string, facts: Facts): NodemailerError {
  const { cause, retryable = false, ...others } = facts;
  const error = new Error(message, cause === undefined ? undefined : { cause });
  return Object.assign(error, { code, retryable }, others);
}

/** For what was never sent. */
export function apiError(code: string, message: string, facts: Facts = {}): NodemailerError {
  return make(code, message, { fate: "failed", command: "API", ...facts });
}

/** What a message failed with before it was given to the pool: its envelope is unfit, or what it is composed of failed. */
export function composingFailed(cause: unknown): NodemailerError {
  if (cause instanceof Error && "fate" in cause) return cause as NodemailerError;
  const system = systemError(cause);
  return apiError("ESTREAM", cause instanceof Error ? cause.message : String(cause), {
    ...(system !== undefined && systemFacts(system)),
    cause,
  });
}

/** The transport was closed before the message was sent. */
export function closedError(): NodemailerError {
  return make("ECONNECTION", "Connection pool was closed", { fate: "failed", retryable: true });
}

/** The sender's signal fired. @param unknown whose fate is not known by then */
export function abortError(cause: unknown, unknown: readonly string[] = []): NodemailerError {
  const facts: Facts =
    unknown.length === 0 ? { fate: "failed", retryable: true } : { fate: "unknown", unknown: [...unknown] };
  return make("EABORT", "Message sending aborted", { name: "AbortError", cause, ...facts });
}

/** A reply as it stood on the wire. */
export function responseOf({ code, lines }: Reply): string {
  return lines.map((line, i) => `${code}${i < lines.length - 1 ? "-" : " "}${line}`).join("\n");
}

/** A refusal. */
export function refusal(
  what: string,
  reply: Reply,
  facts: Facts & { readonly code: string; readonly command: string },
): NodemailerError {
  const { code, ...others } = facts;
  const response = responseOf(reply);
  return make(code, `${what}: ${response}`, { ...others, ...replyFacts(reply) });
}

function replyFacts(reply: Reply): Facts {
  const { code } = reply;
  // 503 says that the session was in the wrong state: the message may go through on another.
  const permanent = code >= 500 && code < 600 && code !== 503;
  return { response: responseOf(reply), responseCode: code, permanent };
}

/** The code of nodemailer's that stands for one of this package's, and the command that it gives there. */
const CODES: Readonly<Record<SmtpErrorCode, readonly [code: string, command?: string]>> = {
  ESMTP_CONNECT: ["ESOCKET", "CONN"],
  ESMTP_CONNECTION_LOST: ["ECONNECTION", "CONN"],
  ESMTP_TIMEOUT: ["ETIMEDOUT", "CONN"],
  ESMTP_GREETING_REFUSED: ["EPROTOCOL", "CONN"],
  ESMTP_HELLO_REFUSED: ["EPROTOCOL", "EHLO"],
  ESMTP_TLS_UNAVAILABLE: ["ETLS", "STARTTLS"],
  ESMTP_TLS_FAILED: ["ETLS", "CONN"],
  ESMTP_TLS_INJECTION: ["ETLS", "STARTTLS"],
  ESMTP_AUTH_UNAVAILABLE: ["EAUTH", "AUTH"],
  ESMTP_AUTH_INSECURE: ["EAUTH", "AUTH"],
  ESMTP_AUTH_FAILED: ["EAUTH", "AUTH"],
  ESMTP_CREDENTIALS: ["EAUTH", "AUTH"],
  ESMTP_XCLIENT: ["EPROTOCOL", "XCLIENT"],
  ESMTP_SERVER_CLOSING: ["ECONNECTION", "CONN"],
  ESMTP_MAIL_LIMIT: ["EMAXLIMIT", "CONN"],
  ESMTP_AUTH_REQUIRED: ["EENVELOPE", "MAIL FROM"],
  ESMTP_OUT_OF_STEP: ["EPROTOCOL", "CONN"],
  ESMTP_MALFORMED_REPLY: ["EPROTOCOL", "CONN"],
  ESMTP_REPLY_TOO_LONG: ["EPROTOCOL", "CONN"],
  ESMTP_FOLLOW_ON: ["EPROTOCOL", "CONN"],
  ESMTP_EARLY_MISMATCH: ["EPROTOCOL", "CONN"],
  ESMTP_WRONG_TRANSACTION: ["EPROTOCOL", "CONN"],
  ESMTP_EARLY_REPLY: ["EPROTOCOL", "CONN"],
  ESMTP_INVALID_ADDRESS: ["EENVELOPE", "API"],
  ESMTP_INVALID_PARAMETER: ["EENVELOPE", "API"],
  ESMTP_UNSUPPORTED: ["EENVELOPE", "MAIL FROM"],
  ESMTP_SIZE_EXCEEDED: ["EMESSAGE", "MAIL FROM"],
  ESMTP_NOT_ALL_ACCEPTED: ["EENVELOPE", "RCPT TO"],
  ESMTP_SOURCE_FAILED: ["ESTREAM", "API"],
  ESMTP_SOURCE_TIMEOUT: ["ESTREAM", "API"],
  ESMTP_SOURCE_CONSUMED: ["ESTREAM", "API"],
  ESMTP_JOURNAL: ["EFILEACCESS", "API"],
  ESMTP_JOURNAL_LOCKED: ["EFILEACCESS", "API"],
  ESMTP_JOURNAL_DAMAGED: ["EFILEACCESS", "API"],
  ESMTP_JOURNAL_DUPLICATE: ["EMESSAGE", "API"],
  ESMTP_ABORTED: ["EABORT"],
  ESMTP_DESTROYED: ["ECONNECTION"],
  ESMTP_CLOSED: ["ECONNECTION"],
};

/** What to write in this transport's options, where a session's own words would not help. */
const HINTS: Partial<Readonly<Record<SmtpErrorCode, string>>> = {
  ESMTP_AUTH_INSECURE:
    "the server's mechanisms would show the secret, and no verified TLS protects it: give tls: { ca }, or allowInsecureAuth: true where nobody can listen",
  ESMTP_TLS_UNAVAILABLE:
    "TLS is required (with auth it is), and the server offers no STARTTLS: ignoreTLS: true does without it, for secrets together with allowInsecureAuth: true",
};

/** What nodemailer says of a reply that decides, where its users may look for its words. */
const WORDS: Partial<Readonly<Record<SmtpErrorCode, (response: string) => string>>> = {
  ESMTP_GREETING_REFUSED: (response) => `Invalid greeting. response=${response}`,
  ESMTP_HELLO_REFUSED: (response) =>
    `${response.startsWith("421") ? "Server terminates connection." : "Invalid HELO."} response=${response}`,
  ESMTP_TLS_UNAVAILABLE: () => "Error upgrading connection with STARTTLS",
  ESMTP_AUTH_FAILED: () => "Invalid login",
  ESMTP_AUTH_REQUIRED: () => "Mail command failed",
  ESMTP_SERVER_CLOSING: () => "Server closed the connection",
};

/** An error of this package in nodemailer's shape. */
export function fromSmtpError(error: SmtpError, more: Facts = {}): NodemailerError {
  const inner = innermost(error);
  const { reply } = inner;
  const system = systemError(inner.cause);
  const [code, command] = codeOf(inner, system);
  return make(code, wordsFor(inner), {
    ...(system !== undefined && systemFacts(system)),
    ...(command !== undefined && { command }),
    retryable: inner.retryable,
    ...(reply !== undefined && replyFacts(reply)),
    ...(code === "ETIMEDOUT" && { timeoutType: timeoutType(inner) }),
    ...(code === "EABORT" && { name: "AbortError" }),
    ...more,
    cause: error,
  });
}

function wordsFor({ code, message, reply }: SmtpError): string {
  if (reply === undefined) return HINTS[code] ?? message;
  const response = responseOf(reply);
  const words = WORDS[code];
  return words === undefined ? message : `${words(response)}: ${response}`;
}

/** A pool wraps what a session failed with. */
function innermost(error: SmtpError): SmtpError {
  return error.cause instanceof SmtpError ? innermost(error.cause) : error;
}

interface SystemError extends Error {
  readonly code: string;
}

/** What the system said. Of several addresses each failed: the first says enough. */
function systemError(cause: unknown): SystemError | undefined {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return first instanceof Error && typeof (first as { code?: unknown }).code === "string"
    ? (first as SystemError)
    : undefined;
}

/** All that stands on an error of the system's: `errno`, `syscall`, `address`, `reason` … */
function systemFacts({ code, ...facts }: SystemError): Facts {
  return { ...facts, originalCode: code };
}

function codeOf(
  error: SmtpError,
  system: SystemError | undefined,
): readonly [code: string, command?: string] {
  const usual = CODES[error.code];
  if (system !== undefined && "syscall" in system && system.syscall === "getaddrinfo")
    return ["EDNS", "CONN"];
  if (system?.code === "EPROXY") return ["EPROXY", "CONN"];
  // Nodemailer tells of what a socket fails with as of that, TLS or not.
  const ofSocket = error.code === "ESMTP_CONNECTION_LOST" || error.code === "ESMTP_TLS_FAILED";
  if (ofSocket && system !== undefined) return ["ESOCKET", "CONN"];
  if (error.code === "ESMTP_HELLO_REFUSED") {
    return [error.reply?.code === 421 ? "ECONNECTION" : "EPROTOCOL", error.command ?? "EHLO"];
  }
  return usual;
}

function timeoutType({ command }: SmtpError): NonNullable<NodemailerError["timeoutType"]> {
  if (command === undefined) return "CONNECT_TIMEOUT";
  if (command === "greeting") return "GREETING_TIMEOUT";
  return command === "STARTTLS" ? "UPGRADE_TIMEOUT" : "SOCKET_TIMEOUT";
}
