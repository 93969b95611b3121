import type { FailureStage, RecipientResult } from "../../pipeline/fate.ts";
import type { CommandGroup } from "../../pipeline/group.ts";
import type { CloseReason } from "../../pipeline/observer.ts";
import type { Retirement } from "../../pool/events.ts";
import type { ReplyClass } from "../../protocol/classify.ts";
import type { SmtpError, SmtpErrorCode } from "../../protocol/errors.ts";
import type { WarningCode } from "../../session/events.ts";
import type { Delivery } from "../../session/message.ts";
import type { SessionState } from "../../session/session.ts";
import { OTHER, REPLY_VERBS } from "../verbs.ts";

// The values of every label come from the lists of this file; anything else becomes `other`. So the number of series
// is bounded, and no address, id or text of a server becomes a label.

export const CONNECTION_RESULTS = [
  "ready",
  "dns",
  "refused",
  "timeout",
  "tls",
  "auth",
  "greeting",
  "aborted",
  "error",
] as const;
export type ConnectionResult = (typeof CONNECTION_RESULTS)[number];

const SYSTEM_ERRORS: Readonly<Record<string, ConnectionResult>> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  EAI_NODATA: "dns",
  EAI_NONAME: "dns",
  ENODATA: "dns",
  ESERVFAIL: "dns",
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timeout",
};

/** How an attempt to connect ended that did not become ready. */
export function connectionResult(error: SmtpError | undefined, reason: CloseReason): ConnectionResult {
  if (reason === "aborted") return "aborted";
  if (error === undefined) return "error";
  const { code } = error;
  if (code === "ESMTP_CONNECT") return systemResult(error.cause);
  if (code === "ESMTP_TIMEOUT") return "timeout";
  if (code === "ESMTP_GREETING_REFUSED") return "greeting";
  if (code.startsWith("ESMTP_TLS")) return "tls";
  if (code.startsWith("ESMTP_AUTH")) return "auth";
  return "error";
}

function systemResult(cause: unknown): ConnectionResult {
  // Of several addresses each failed: the first says enough.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = (first as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? (SYSTEM_ERRORS[code] ?? "error") : "error";
}

export const CLOSE_REASONS: readonly CloseReason[] = ["quit", "server", "timeout", "error", "aborted"];

/** What refusals mean. */
export const REFUSALS: readonly ReplyClass[] = [
  "mailbox-full",
  "bad-address",
  "policy",
  "rate-limit",
  "greylisted",
  "temporary",
  "permanent",
];

/** Why a pool lets sessions go. */
export const RETIREMENTS: readonly Retirement[] = ["messages", "age", "idle", "preference", "quit"];

/** The states of a session that is alive. */
export const LIVE_STATES: readonly SessionState[] = ["idle", "connecting", "ready", "closing"];

/** Verb and class of the replies to be expected: 3yz only where a command asks for more. */
export const REPLIES: readonly (readonly [verb: string, code: string])[] = REPLY_VERBS.flatMap((verb) =>
  (verb === "DATA" || verb === "AUTH" ? ["2xx", "3xx", "4xx", "5xx"] : ["2xx", "4xx", "5xx"]).map(
    (code) => [verb, code] as const,
  ),
);

export const REPLY_CLASSES: readonly string[] = ["2xx", "3xx", "4xx", "5xx"];

export const GROUP_KINDS = [
  "greeting",
  "hello",
  "starttls",
  "auth",
  "envelope",
  "text",
  "mixed",
  "reset",
  "noop",
  "quit",
  "other",
] as const;
export type GroupKind = (typeof GROUP_KINDS)[number];

const KIND_OF_VERB: Readonly<Record<string, GroupKind>> = {
  greeting: "greeting",
  EHLO: "hello",
  HELO: "hello",
  LHLO: "hello",
  STARTTLS: "starttls",
  AUTH: "auth",
  MAIL: "envelope",
  RCPT: "envelope",
  DATA: "envelope",
  text: "text",
  BDAT: "text",
  NOOP: "noop",
  QUIT: "quit",
};

/** What a group was for: envelopes, texts, both (`mixed`), or a command of its own. RSET goes with what follows it. */
export function groupKind({ exchanges }: CommandGroup): GroupKind {
  let kind: GroupKind | undefined;
  for (const { command } of exchanges) {
    if (command === "RSET") continue;
    const next = KIND_OF_VERB[command] ?? OTHER;
    if (kind !== undefined && kind !== next) return "mixed";
    kind = next;
  }
  // Without any command: a text that was cut off before its end.
  return kind ?? (exchanges.length === 0 ? "text" : "reset");
}

export const GROUP_RESULTS = ["ok", "refused", "lost"] as const;

/** `lost`: the session failed while replies were owed or a text was being written; `refused`: a command was answered 4yz or 5yz. */
export function groupResult({ error, errors }: CommandGroup): (typeof GROUP_RESULTS)[number] {
  if (error !== undefined) return "lost";
  return errors.length > 0 ? "refused" : "ok";
}

export const MESSAGE_RESULTS = [
  "delivered",
  "partial",
  "deferred",
  "rejected",
  "unknown",
  "aborted",
] as const;

/**
 * What became of a message as a whole: `unknown` if that is the fate of any recipient, `partial` if some succeeded,
 * `deferred` if none did and one may later, `rejected` if none can; `aborted` if nobody but the caller decided.
 */
export function messageResult(delivery: Delivery): (typeof MESSAGE_RESULTS)[number] {
  if (delivery.unknown.length > 0) return "unknown";
  if (delivery.ok) return "delivered";
  if (delivery.succeeded.length > 0) return "partial";
  const results = new Set(delivery.failed.map(recipientResult));
  if (results.has("deferred")) return "deferred";
  return results.has("rejected") ? "rejected" : "aborted";
}

export type RecipientOutcome = "succeeded" | "deferred" | "rejected" | "unknown" | "aborted";

export const RECIPIENT_OUTCOMES: readonly RecipientOutcome[] = [
  "succeeded",
  "deferred",
  "rejected",
  "unknown",
  "aborted",
];

/** The fate of a recipient: a failure is `deferred` if it may succeed later, else `rejected`. */
export function recipientResult(result: RecipientResult): RecipientOutcome {
  if (result.status !== "failed") return result.status;
  if (result.stage === "aborted") return "aborted";
  return result.retryable ? "deferred" : "rejected";
}

const SERVER_STAGES: readonly FailureStage[] = ["mail", "rcpt", "data", "message", "connection"];

export const STAGES: readonly FailureStage[] = [...SERVER_STAGES, "aborted", "invalid", "unsupported"];

/** Fate and stage as they go together. */
export const OUTCOMES: readonly (readonly [result: RecipientOutcome, stage: FailureStage])[] = [
  ["succeeded", "message"],
  ["unknown", "connection"],
  ["aborted", "aborted"],
  ...SERVER_STAGES.map((stage) => ["deferred", stage] as const),
  ...[...SERVER_STAGES, "invalid" as const, "unsupported" as const].map(
    (stage) => ["rejected", stage] as const,
  ),
];

/** Every code, and whether it can end a session. */
const ERROR_CODES: Readonly<Record<SmtpErrorCode, boolean>> = {
  ESMTP_CONNECT: true,
  ESMTP_CONNECTION_LOST: true,
  ESMTP_TIMEOUT: true,
  ESMTP_GREETING_REFUSED: true,
  ESMTP_HELLO_REFUSED: true,
  ESMTP_TLS_UNAVAILABLE: true,
  ESMTP_TLS_FAILED: true,
  ESMTP_TLS_INJECTION: true,
  ESMTP_AUTH_UNAVAILABLE: true,
  ESMTP_AUTH_INSECURE: true,
  ESMTP_AUTH_FAILED: true,
  ESMTP_CREDENTIALS: true,
  ESMTP_XCLIENT: true,
  ESMTP_SERVER_CLOSING: true,
  ESMTP_MAIL_LIMIT: true,
  ESMTP_AUTH_REQUIRED: true,
  ESMTP_OUT_OF_STEP: true,
  ESMTP_MALFORMED_REPLY: true,
  ESMTP_REPLY_TOO_LONG: true,
  ESMTP_FOLLOW_ON: true,
  ESMTP_EARLY_MISMATCH: true,
  ESMTP_WRONG_TRANSACTION: true,
  ESMTP_EARLY_REPLY: true,
  ESMTP_INVALID_ADDRESS: false,
  ESMTP_INVALID_PARAMETER: false,
  ESMTP_UNSUPPORTED: false,
  ESMTP_SIZE_EXCEEDED: false,
  ESMTP_NOT_ALL_ACCEPTED: false,
  ESMTP_SOURCE_FAILED: true,
  ESMTP_SOURCE_TIMEOUT: true,
  ESMTP_SOURCE_CONSUMED: false,
  ESMTP_JOURNAL: false,
  ESMTP_JOURNAL_LOCKED: false,
  ESMTP_JOURNAL_DAMAGED: false,
  ESMTP_JOURNAL_DUPLICATE: false,
  ESMTP_ABORTED: true,
  ESMTP_DESTROYED: true,
  ESMTP_CLOSED: false,
};

/** The codes that a session can end with. */
export const SESSION_ERRORS: readonly string[] = Object.entries(ERROR_CODES)
  .filter(([, ends]) => ends)
  .map(([code]) => code);

const WARNINGS: Readonly<Record<WarningCode, true>> = {
  ESMTP_GARBLED_GREETING: true,
  ESMTP_FOLLOW_ON_REFUSED: true,
  ESMTP_FOLLOW_ON_SWALLOWED: true,
  ESMTP_FOLLOW_ON_SLOW: true,
  ESMTP_FOLLOW_ON_LOST: true,
  ESMTP_FOLLOW_ON_STORED: true,
  ESMTP_PIPELINING_UNFIT: true,
  ESMTP_CHUNKING_UNFIT: true,
  ESMTP_DSN_UNSUPPORTED: true,
  ESMTP_DELIVERBY_UNSUPPORTED: true,
  ESMTP_MT_PRIORITY_UNSUPPORTED: true,
  ESMTP_STARTTLS_REFUSED: true,
  ESMTP_LISTENER_FAILED: true,
  ESMTP_PEER_MEMORY_FAILED: true,
};

export const WARNING_CODES: readonly string[] = Object.keys(WARNINGS);

export const DIRECTIONS = ["sent", "received"] as const;
