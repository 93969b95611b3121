/** Something that a client sent and that is answered: a command, or the end of a text. */
export interface TestCommand {
  /**
   * Its verb in upper case; `"greeting"` for the connection itself; `"text"` for the end of a text, be it the line `"."`
   * or `BDAT … LAST` with its octets.
   */
  readonly verb: string;
  /** The line as it came, without CRLF; `""` for the greeting. */
  readonly line: string;
  /** The path that MAIL or RCPT names, without its angle brackets; in LMTP also whose answer to a text it is. */
  readonly address: string | undefined;
  /** The number of its connection, from 1. */
  readonly connection: number;
  /** The how manieth of this verb it is, from 1, on all connections. */
  readonly nth: number;
}

/** Verbs that a key may begin with. */
const VERBS: ReadonlySet<string> = new Set([
  "GREETING",
  "EHLO",
  "HELO",
  "LHLO",
  "STARTTLS",
  "AUTH",
  "MAIL",
  "RCPT",
  "DATA",
  "BDAT",
  "TEXT",
  "RSET",
  "NOOP",
  "VRFY",
  "EXPN",
  "HELP",
  "ETRN",
  "QUIT",
]);

/** A line's verb, in upper case. */
export function verbOf(line: string): string {
  return /^[^ ]*/.exec(line)?.[0].toUpperCase() ?? "";
}

/** The path of MAIL or RCPT; a line has one character per octet. */
export function pathOf(line: string): string | undefined {
  const path = /^(?:MAIL FROM|RCPT TO):<(.*?)>(?: |$)/i.exec(line)?.[1];
  return path === undefined ? undefined : Buffer.from(path, "latin1").toString("utf8");
}

/**
 * Whether a key names a command: what the command's line begins with, in any case, e.g. `"RCPT"`, `"RCPT TO:<full@"`;
 * `"greeting"`; `"text"`, in LMTP also `"text <full@example.net>"`.
 */
export function names(key: string, { verb, line, address }: TestCommand): boolean {
  const name = verb === "text" && address !== undefined ? `text <${address}>` : line;
  const whole = verb === "greeting" || (verb === "text" && address === undefined) ? verb : name;
  return whole.toLowerCase().startsWith(key.toLowerCase());
}

/** @throws TypeError for a key that can name no command: a test that waits for it would wait in vain. */
export function checkKey(key: string, where: string): void {
  const verb = verbOf(key);
  if (VERBS.has(verb) || /^X/.test(verb)) return;
  throw new TypeError(`${where}: no command begins with ${JSON.stringify(key)}`);
}
