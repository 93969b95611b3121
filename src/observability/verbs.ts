/** What stands for a value that is on no list. */
export const OTHER = "other" as const;

/** The verbs of commands, as labels and in the names of spans. `text` is the end of a message's text. */
export const VERBS: readonly string[] = [
  ...["EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "text", "BDAT"],
  ...["RSET", "NOOP", "VRFY", "EXPN", "HELP", "ETRN", "QUIT", OTHER],
];

/** The same, with what is answered without a command. */
export const REPLY_VERBS: readonly string[] = ["greeting", ...VERBS];

/** The commands that a session begins with, and the greeting before them. */
export const HANDSHAKE_VERBS: readonly string[] = [
  "greeting",
  "EHLO",
  "HELO",
  "LHLO",
  "STARTTLS",
  "XCLIENT",
  "AUTH",
];
