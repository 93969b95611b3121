import { hasControlCharacter, isAscii } from "./address.ts";
import { ENVID_OCTETS, ORCPT_OCTETS } from "./limits.ts";
import { xtext } from "./xtext.ts";

// Delivery status notifications, RFC 3461: what a sender asks of a server that offers DSN.

/** When a recipient's sender wants to be told, RFC 3461 §4.1. */
export type NotifyCondition = "SUCCESS" | "FAILURE" | "DELAY";

/** What MAIL asks for, RFC 3461 §4.3 and §4.4. */
export interface DsnMailParameters {
  /** How much of the message a notification returns. */
  readonly ret?: "FULL" | "HDRS" | undefined;
  /** An envelope identifier of the sender's, which notifications repeat. */
  readonly envid?: string | undefined;
}

/** What RCPT asks for, RFC 3461 §4.1 and §4.2. */
export interface DsnRcptParameters {
  readonly notify?: "NEVER" | readonly NotifyCondition[] | undefined;
  /** The original recipient: an address, or `type;address`. The type of an address alone is `rfc822`. */
  readonly orcpt?: string | undefined;
}

/**
 * Why a text can't be an envelope identifier; undefined if it can. RFC 3461 §4.4: printable ASCII, at most 100.
 * Counted as it is sent: so MAIL with every parameter stays within the 512 octets of RFC 5321 §4.5.3.1.4.
 */
export function envidProblem(envid: string): string | undefined {
  if (envid === "") return "it is empty";
  if (hasControlCharacter(envid)) return "it has a control character";
  if (!isAscii(envid)) return "it has characters beyond ASCII";
  return xtext(envid).length > ENVID_OCTETS
    ? `it is longer than ${ENVID_OCTETS} characters as it is sent`
    : undefined;
}

/** Why a text can't be an original recipient; undefined if it can. RFC 3461 §4.2: at most 500 with its type. */
export function orcptProblem(orcpt: string): string | undefined {
  if (hasControlCharacter(orcpt)) return "it has a control character";
  if (!isAscii(orcpt)) return "it has characters beyond ASCII";
  if (!/^[^;]/.test(orcpt) || /^[A-Za-z\d-]+;$/.test(orcpt)) return "it has no address";
  const octets = orcptValue(orcpt).length;
  return octets > ORCPT_OCTETS ? `it is longer than ${ORCPT_OCTETS} characters` : undefined;
}

/** The parameters of MAIL, each with a space before it. */
export function dsnOfMail({ ret, envid }: DsnMailParameters): string {
  let parameters = "";
  if (ret !== undefined) parameters += ` RET=${ret}`;
  if (envid !== undefined) parameters += ` ENVID=${xtext(envid)}`;
  return parameters;
}

/** The parameters of RCPT, each with a space before it. */
export function dsnOfRcpt({ notify, orcpt }: DsnRcptParameters): string {
  let parameters = "";
  if (notify !== undefined) parameters += ` NOTIFY=${typeof notify === "string" ? notify : notify.join(",")}`;
  if (orcpt !== undefined) parameters += ` ORCPT=${orcptValue(orcpt)}`;
  return parameters;
}

/** The type stands as it is, the address behind it as xtext. */
function orcptValue(orcpt: string): string {
  const type = /^[A-Za-z\d-]+;/.exec(orcpt)?.[0] ?? "";
  return `${type === "" ? "rfc822;" : type}${xtext(orcpt.slice(type.length))}`;
}
