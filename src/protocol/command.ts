import { domainOrLiteral, hasControlCharacter, isAscii } from "./address.ts";
import { type DsnMailParameters, type DsnRcptParameters, dsnOfMail, dsnOfRcpt } from "./dsn.ts";
import { COMMAND_LINE_OCTETS, DOMAIN_OCTETS } from "./limits.ts";

/**
 * The command an exchange belongs to: its verb in upper case, `"greeting"` for what a server says first,
 * `"text"` for the end of a message's text.
 */
export type Command =
  | "greeting"
  | "EHLO"
  | "HELO"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "text"
  | "RSET"
  | "NOOP"
  | "VRFY"
  | "EXPN"
  | "HELP"
  | "ETRN"
  | "QUIT"
  | (string & {});

/** What MAIL says beside the reverse-path. */
export interface MailParameters {
  /** SIZE, RFC 1870: octets of the text. */
  readonly size?: number | undefined;
  /** BODY, RFC 6152. */
  readonly body?: "7BIT" | "8BITMIME" | undefined;
  /** RET and ENVID, RFC 3461. */
  readonly dsn?: DsnMailParameters | undefined;
}

/** `MAIL FROM:<…>`, RFC 5321 §4.1.1.2. No space after the colon: strict servers refuse it. */
export function mailLine(reversePath: string, parameters: MailParameters = {}): string {
  let line = `MAIL FROM:<${reversePath}>`;
  if (parameters.size !== undefined) line += ` SIZE=${parameters.size}`;
  if (parameters.body !== undefined) line += ` BODY=${parameters.body}`;
  return line + dsnOfMail(parameters.dsn ?? {});
}

/** `RCPT TO:<…>`, RFC 5321 §4.1.1.3, with NOTIFY and ORCPT, RFC 3461. */
export function rcptLine(forwardPath: string, dsn: DsnRcptParameters = {}): string {
  return `RCPT TO:<${forwardPath}>${dsnOfRcpt(dsn)}`;
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
