import type { Capabilities } from "./capabilities.ts";
import { PARAMETER_INTEGER } from "./limits.ts";

// A message that the server keeps for some time before it sends it on, RFC 4865.

/** For how long, or until when: seconds, or a date-time in UTC without fraction, `2030-01-31T12:00:00Z`. */
export type Hold = { readonly for: number } | { readonly until: string };

/** Why a server can't be asked to hold a message for so many seconds; undefined if it can. RFC 4865 §3. */
export function holdForProblem(seconds: number): string | undefined {
  const fit = Number.isInteger(seconds) && seconds >= 1 && seconds <= PARAMETER_INTEGER;
  return fit ? undefined : `it is not an integer from 1 to ${PARAMETER_INTEGER}`;
}

/** HOLDFOR or HOLDUNTIL with its value. */
export function holdParameter(hold: Hold): string {
  return "for" in hold ? `HOLDFOR=${hold.for}` : `HOLDUNTIL=${hold.until}`;
}

/** The limit that a server has stated and that this exceeds; undefined if it exceeds none. RFC 4865 §3. */
export function exceededHold(hold: Hold, capabilities: Capabilities): string | undefined {
  const stated = capabilities.get("FUTURERELEASE") ?? "";
  const [, seconds] = /^(\d{1,9})(?: |$)/.exec(stated) ?? [];
  if ("for" in hold) {
    return seconds !== undefined && hold.for > Number(seconds) ? `${seconds} seconds` : undefined;
  }
  const [, dateTime] = /^\S+ +(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z$/i.exec(stated) ?? [];
  if (dateTime === undefined) return undefined;
  // Both are in UTC and of one form: their order is that of their text.
  const last = `${dateTime.toUpperCase()}Z`;
  return hold.until > last ? last : undefined;
}
