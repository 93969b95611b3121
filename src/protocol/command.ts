import { domainOrLiteral, hasControlCharacter, isAscii } from "./address.ts";
import { type DeliverBy, deliverByValue } from "./deliver-by.ts";
import { type DsnMailParameters, type DsnRcptParameters, dsnOfMail, dsnOfRcpt } from "./dsn.ts";
import { type Hold, holdParameter } from "./future-release.ts";
import { COMMAND_LINE_OCTETS, DOMAIN_OCTETS, GREATEST_PRIORITY, LEAST_PRIORITY } from "./limits.ts";

/**
 * The command an exchange belongs to: its verb in upper case, `"greeting"` for what a server says first,
 * `"text"` for the end of a message's text.
 */
export type Command =
  | "greeting"
  | "EHLO"
  | "HELO"
  | "LHLO"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "BDAT"
  | "text"
  | "RSET"
  | "NOOP"
  | "VRFY"
  | "EXPN"
  | "HELP"
  | "ETRN"
  | "QUIT"
  | (string & {});

/** What a message asks of the server beside taking its text, each by an extension. */
export interface EnvelopeParameters {
  /** SMTPUTF8, RFC 6531: addresses or headers are beyond ASCII. */
  readonly smtputf8?: boolean | undefined;
  /** REQUIRETLS, RFC 8689: under verified TLS on all its way, or not at all. */
  readonly requireTls?: boolean | undefined;
  /** RET and ENVID, RFC 3461. */
  readonly dsn?: DsnMailParameters | undefined;
  /** BY, RFC 2852. */
  readonly deliverBy?: DeliverBy | undefined;
  /** MT-PRIORITY, RFC 6710. */
  readonly mtPriority?: number | undefined;
  /** HOLDFOR or HOLDUNTIL, RFC 4865. */
  readonly hold?: Hold | undefined;
}

/** What a text is declared to be. `"BINARYMIME"` passes untouched, and needs CHUNKING. */
export type BodyType = "7BIT" | "8BITMIME" | "BINARYMIME";

/** What MAIL says beside the reverse-path. */
export interface MailParameters extends EnvelopeParameters {
  /** SIZE, RFC 1870: octets of the text. */
  readonly size?: number | undefined;
  /** BODY, RFC 6152 and RFC 3030 §3. */
  readonly body?: BodyType | undefined;
}

/** `MAIL FROM:<…>`, RFC 5321 §4.1.1.2. No space after the colon: strict servers refuse it. */
export function mailLine(reversePath: string, parameters: MailParameters = {}): string {
  let line = `MAIL FROM:<${reversePath}>`;
  if (parameters.size !== undefined) line += ` SIZE=${parameters.size}`;
  if (parameters.body !== undefined) line += ` BODY=${parameters.body}`;
  if (parameters.smtputf8 === true) line += " SMTPUTF8";
  if (parameters.requireTls === true) line += " REQUIRETLS";
  line += dsnOfMail(parameters.dsn ?? {});
  if (parameters.deliverBy !== undefined) line += ` BY=${deliverByValue(parameters.deliverBy)}`;
  if (parameters.mtPriority !== undefined) line += ` MT-PRIORITY=${parameters.mtPriority}`;
  if (parameters.hold !== undefined) line += ` ${holdParameter(parameters.hold)}`;
  return line;
}

/** `RCPT TO:<…>`, RFC 5321 §4.1.1.3, with NOTIFY and ORCPT, RFC 3461. */
export function rcptLine(forwardPath: string, dsn: DsnRcptParameters = {}): string {
  return `RCPT TO:<${forwardPath}>${dsnOfRcpt(dsn)}`;
}

/** Why a number can't be a message's priority; undefined if it can. RFC 6710 §4. */
export function priorityProblem(priority: number): string | undefined {
  const fit = Number.isInteger(priority) && priority >= LEAST_PRIORITY && priority <= GREATEST_PRIORITY;
  return fit ? undefined : `it is not an integer from ${LEAST_PRIORITY} to ${GREATEST_PRIORITY}`;
}

/** The verb of a command line in upper case. */
export function verbOf(line: string): string {
  return line.replace(/\s.*$/s, "").toUpperCase();
}

/** Why a text can't be an argument of a command; undefined if it can. RFC 5321 §4.1.2. */
export function argumentProblem(text: string): string | undefined {
  if (text.trim() === "") return "it is empty";
  if (hasControlCharacter(text)) return "it has a control character";
  if (!isAscii(text)) return "it has characters beyond ASCII";
  return undefined;
}

/** Why a text can't be the name in EHLO; undefined if it can. RFC 5321 §4.1.1.1. */
export function nameProblem(name: string): string | undefined {
  const problem = argumentProblem(name);
  if (problem !== undefined) return problem;
  if (name.length > DOMAIN_OCTETS) return `it is longer than ${DOMAIN_OCTETS} octets`;
  return domainOrLiteral(name) ? undefined : "it is neither a domain nor an address literal";
}

/** Commands that the session itself speaks: out of turn they would break a transaction or the session. */
const RESERVED: ReadonlySet<string> = new Set(
  "EHLO HELO LHLO MAIL RCPT DATA BDAT BURL STARTTLS AUTH QUIT XCLIENT XEXCH50 SEND SOML SAML TURN ATRN".split(
    " ",
  ),
);

/** Why a line can't be sent as a command of the caller's; undefined if it can. */
export function commandProblem(line: string): string | undefined {
  const problem = argumentProblem(line);
  if (problem !== undefined) return problem;
  const verb = verbOf(line);
  if (!/^[A-Z][A-Z\d-]*$/.test(verb)) return "it does not begin with a verb";
  if (RESERVED.has(verb)) return `${verb} is the session's own to send`;
  if (line.length + 2 > COMMAND_LINE_OCTETS) return `it is longer than ${COMMAND_LINE_OCTETS - 2} octets`;
  return undefined;
}
