import { types } from "node:util";
import { type EnvelopeParameters, priorityProblem } from "../protocol/command.ts";
import { type DeliverBy, deliverByProblem } from "../protocol/deliver-by.ts";
import { envidProblem } from "../protocol/dsn.ts";
import { SmtpError } from "../protocol/errors.ts";
import { type Hold, holdForProblem } from "../protocol/future-release.ts";
import * as check from "./check.ts";

/** What is asked about notifications of a message as a whole, RFC 3461. */
export interface MessageDsn {
  /** An identifier of yours, which notifications repeat: printable ASCII, at most 100 characters with space, `+` and `=` as three each. */
  readonly envid?: string | undefined;
  /** Whether a notification returns the whole message or its headers. Default: the server decides. */
  readonly ret?: "FULL" | "HDRS" | undefined;
}

/**
 * What a message asks of a server by its extensions. A value that is unfit is a fate: failed, invalid, with
 * `ESMTP_INVALID_PARAMETER`. Where the server lacks the extension, the message is failed, unsupported, with
 * `ESMTP_UNSUPPORTED`, unless something else is said here.
 */
export interface MessageParameters {
  /**
   * The headers have characters beyond ASCII as they are (RFC 6532), so the message needs SMTPUTF8 (RFC 6531).
   * Default false. Addresses beyond ASCII need not be announced: they go with SMTPUTF8 where the server offers it, else
   * with their domain in A-labels if their local part is ASCII; else the recipient fails, unsupported.
   */
  smtputf8?: boolean | undefined;
  /**
   * The message goes under TLS with a verified certificate, and on the rest of its way too, or not at all (REQUIRETLS,
   * RFC 8689). Default false.
   */
  requireTls?: boolean | undefined;
  /** Notifications. Where the server does not offer DSN the mail goes out without, and a `warning` says so. */
  dsn?: MessageDsn | undefined;
  /**
   * By when the message is to be delivered (RFC 2852). With mode `"N"` it goes out without where the server does not
   * offer DELIVERBY, and a `warning` says so; with `"R"` it fails, also if the server takes no time so short.
   */
  deliverBy?: DeliverBy | undefined;
  /**
   * Priority from -9 to 9, the greatest first (RFC 6710). Where the server does not offer MT-PRIORITY the mail goes out
   * without, and a `warning` says so.
   */
  mtPriority?: number | undefined;
  /** The server keeps the message for so many seconds, from 1 to 999,999,999 and its own limit (RFC 4865). */
  holdFor?: number | undefined;
  /**
   * The server keeps the message until then (RFC 4865): a Date, or a date-time of RFC 3339 with its offset, as
   * `2030-01-31T12:00:00Z`. A fraction of a second is rounded up. Not together with `holdFor`.
   */
  holdUntil?: Date | string | undefined;
}

const DSN_FIELDS: Record<keyof MessageDsn, check.Check> = {
  envid: check.string,
  ret: check.oneOf("FULL", "HDRS"),
};

const DELIVER_BY_FIELDS: Record<keyof DeliverBy, check.Check> = {
  seconds: check.number,
  mode: check.oneOf("R", "N"),
  trace: check.boolean,
};

const object: check.Check = (value) => (check.isRecord(value) ? undefined : "must be an object");

/** The shapes of the fields. What is in the objects is checked when they are copied. */
export const PARAMETER_FIELDS: Record<keyof MessageParameters, check.Check> = {
  smtputf8: check.boolean,
  requireTls: check.boolean,
  dsn: object,
  deliverBy: object,
  mtPriority: check.number,
  holdFor: check.number,
  holdUntil: (value) =>
    typeof value === "string" || types.isDate(value) ? undefined : "must be a Date or a string",
};

/** What of a message goes into MAIL, and why that can't be said. */
export interface ReadParameters {
  readonly parameters: EnvelopeParameters;
  readonly unfit: SmtpError | undefined;
}

/** Copies the parameters of a message. @throws TypeError that names the field */
export function readParameters(given: MessageParameters): ReadParameters {
  const { smtputf8, requireTls, mtPriority, holdFor, holdUntil } = given;
  const dsn: MessageDsn | undefined = given.dsn && check.readRecord(given.dsn, DSN_FIELDS, "message.dsn");
  const deliverBy = given.deliverBy && readDeliverBy(given.deliverBy);
  const until = holdUntil === undefined ? undefined : dateTime(holdUntil);
  const hold: Hold | undefined =
    holdFor !== undefined ? { for: holdFor } : until !== undefined ? { until } : undefined;
  const unfit =
    problem("dsn.envid", dsn?.envid, envidProblem) ??
    problem("deliverBy.seconds", deliverBy?.seconds, () => deliverBy && deliverByProblem(deliverBy)) ??
    problem("mtPriority", mtPriority, priorityProblem) ??
    problem("holdFor", holdFor, holdForProblem) ??
    problem("holdUntil", holdUntil, () => {
      if (holdFor !== undefined) return "holdFor is given too";
      return until === undefined ? "it is no date-time with an offset, as 2030-01-31T12:00:00Z" : undefined;
    });
  return { parameters: { smtputf8, requireTls, dsn, deliverBy, mtPriority, hold }, unfit };
}

function readDeliverBy(given: DeliverBy): DeliverBy {
  const { seconds, mode, trace }: Partial<DeliverBy> = check.readRecord(
    given,
    DELIVER_BY_FIELDS,
    "message.deliverBy",
  );
  if (seconds === undefined) throw new TypeError("message.deliverBy.seconds is missing");
  if (mode === undefined) throw new TypeError("message.deliverBy.mode is missing");
  return { seconds, mode, trace };
}

function problem<T>(
  field: string,
  value: T | undefined,
  find: (value: T) => string | undefined,
): SmtpError | undefined {
  const found = value === undefined ? undefined : find(value);
  return found === undefined ? undefined : unfitParameter(field, value, found);
}

/** The error for a parameter that can't be said to a server. */
export function unfitParameter(field: string, value: unknown, problem: string): SmtpError {
  return new SmtpError(
    "ESMTP_INVALID_PARAMETER",
    `${field}: ${check.shownValue(value)} is unfit: ${problem}`,
  );
}

// RFC 3339 §5.6. Without an offset it would be the time of wherever this runs.
const DATE_TIME = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** In UTC and whole seconds, rounded up: nothing is released before its time. Undefined if it is no date-time. */
function dateTime(value: Date | string): string | undefined {
  if (typeof value === "string") {
    const [, day = ""] = DATE_TIME.exec(value) ?? [];
    // A 30 February would be another day.
    if (iso(Date.parse(`${day}T00:00:00Z`))?.startsWith(day) !== true || day === "") return undefined;
  }
  return iso(Math.ceil(new Date(value).getTime() / 1_000) * 1_000)?.replace(".000Z", "Z");
}

/** Undefined outside the years 0 to 9999, which RFC 3339 can write. */
function iso(time: number): string | undefined {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return undefined;
  const text = date.toISOString();
  return /^\d{4}-/.test(text) ? text : undefined;
}
