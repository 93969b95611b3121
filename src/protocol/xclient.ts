import { hasControlCharacter, isAscii } from "./address.ts";
import { COMMAND_LINE_OCTETS } from "./limits.ts";
import { xtext } from "./xtext.ts";

/** What a trusted relay says of the client that it speaks for (Postfix's XCLIENT). */
export interface Xclient {
  /** The client's host name, or `"[UNAVAILABLE]"`, `"[TEMPUNAVAIL]"`. */
  readonly name?: string | undefined;
  /** The client's address: `"192.0.2.1"`, `"IPV6:2001:db8::1"`. */
  readonly addr?: string | undefined;
  /** The client's port. */
  readonly port?: string | undefined;
  /** `"SMTP"` or `"ESMTP"`. */
  readonly proto?: string | undefined;
  /** What the client said in EHLO. */
  readonly helo?: string | undefined;
  /** Whom the client authenticated as. */
  readonly login?: string | undefined;
  /** The address that the client connected to. */
  readonly destaddr?: string | undefined;
  readonly destport?: string | undefined;
}

export const XCLIENT_ATTRIBUTES: readonly (keyof Xclient)[] = [
  "name",
  "addr",
  "port",
  "proto",
  "helo",
  "login",
  "destaddr",
  "destport",
];

/** Why a text can't be the value of an attribute; undefined if it can. */
export function xclientProblem(value: string): string | undefined {
  if (value === "") return "it is empty";
  if (hasControlCharacter(value)) return "it has a control character";
  if (!isAscii(value)) return "it has characters beyond ASCII";
  // So each attribute fits in a command.
  return xtext(value).length > 255 ? "it is longer than 255 characters as it is sent" : undefined;
}

/** The attributes given that a server does not offer; `offered` are the parameters of its XCLIENT keyword. */
export function xclientLacking(attributes: Xclient, offered: string): string[] {
  const names = new Set(offered.toUpperCase().split(/\s+/));
  return given(attributes).filter((name) => !names.has(name));
}

/** The commands that say it: as many as the length of a command line asks for. */
export function xclientLines(attributes: Xclient): string[] {
  const lines: string[] = [];
  let line = "";
  for (const name of given(attributes)) {
    const attribute = ` ${name}=${xtext(attributes[name.toLowerCase() as keyof Xclient] ?? "")}`;
    if (line.length + attribute.length + 2 > COMMAND_LINE_OCTETS) {
      lines.push(line);
      line = "";
    }
    line = (line || "XCLIENT") + attribute;
  }
  return line === "" ? lines : [...lines, line];
}

function given(attributes: Xclient): string[] {
  return XCLIENT_ATTRIBUTES.filter((name) => attributes[name] !== undefined).map((name) =>
    name.toUpperCase(),
  );
}
