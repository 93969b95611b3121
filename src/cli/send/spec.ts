import type { CommandSpec } from "../command.ts";
import { EX } from "../exit-status.ts";
import { FLOW_OPTIONS, SERVER_OPTIONS } from "../server.ts";

const MESSAGES = "The messages";
const RESULTS = "The results";

export const SEND: CommandSpec = {
  usage: "send [files...]",
  summary: "send mail from files, directories, Maildirs, mbox files, or envelopes as JSON Lines",
  about: [
    "Sends messages, and prints what became of each recipient: a line of JSON for each, as soon as it is known. Without files, or for -, it reads standard input: a message, an mbox file, or envelopes as JSON Lines.",
    "Who sends and who receives stands in the envelope, if there is one, else in the message's header; --from and --to stand for all.",
    "With --journal the same command goes on where it was ended, however it was: nobody who has got a message gets it again.",
    "Ctrl-C stops reading and waits for what is on the wire; once more, and it stops at once and says whose fate is unknown.",
    "The password is best kept out of the command line: put it in SMTP_PASSWORD or in a file. SMTP_SERVER may hold the server.",
  ],
  positionals: { files: "files and directories; - is standard input" },
  options: {
    server: { kind: "text", describe: "where to: smtp://host, smtps://user@host, lmtp://host:port, …" },
    from: {
      kind: "text",
      group: MESSAGES,
      describe: "the sender of every message; <> is the null reverse-path",
    },
    to: {
      kind: "texts",
      group: MESSAGES,
      describe: "every message goes to this address alone; may be repeated",
    },
    kind: {
      kind: "text",
      group: MESSAGES,
      choices: ["auto", "eml", "mbox", "jsonl", "maildir"],
      describe: "what the files are; default: by what is in them",
    },
    quoting: {
      kind: "text",
      group: MESSAGES,
      choices: ["mboxrd", "mboxo", "none"],
      describe: "how mbox files quote lines that begin with From; default mboxrd",
    },
    "reverse-path": {
      kind: "text",
      group: MESSAGES,
      choices: ["envelope", "header"],
      describe: "where the sender stands: in Return-Path and From_ lines first, or only in From and Sender",
    },
    "require-all": {
      kind: "flag",
      group: MESSAGES,
      describe: "send a text only if every recipient of it was accepted",
    },
    journal: {
      kind: "text",
      describe: "keep what becomes of each recipient in this folder, and go on from what it has",
    },
    "resend-unknown": {
      kind: "flag",
      describe: "send again to those whose fate the journal does not know: they may get it twice",
    },
    "dry-run": { kind: "flag", describe: "send nothing: print each message's envelope" },
    print: {
      kind: "text",
      group: RESULTS,
      choices: ["all", "failures", "none"],
      describe: "which recipients to print: all, those who did not succeed, or none; default all",
    },
    quiet: { kind: "flag", group: RESULTS, describe: "no progress and no summary on standard error" },
    record: {
      kind: "text",
      group: RESULTS,
      describe: "write the conversation to this file, as a page for a browser",
    },
    redact: { kind: "flag", group: RESULTS, describe: "with pseudonyms for the addresses on that page" },
    metrics: {
      kind: "text",
      group: RESULTS,
      describe: "serve Prometheus metrics on this port (or address:port)",
    },
    otlp: { kind: "text", group: RESULTS, describe: "send OpenTelemetry traces to this collector's URL" },
    connections: { kind: "text", describe: "connections at most; default 4" },
    rate: { kind: "text", describe: "messages a second at most" },
    patience: {
      kind: "text",
      describe: "how long messages wait while the server can't be reached, once it was; default 60s",
    },
    ...FLOW_OPTIONS,
    ...SERVER_OPTIONS,
  },
  examples: [
    ["send --server smtp://relay.example.org *.eml", "each file to those in its header"],
    [
      "send --server smtps://me@mail.example.org --to you@example.net mail.mbox",
      "with a password from SMTP_PASSWORD",
    ],
    [
      "send --server smtp://relay.example.org < envelopes.jsonl > results.jsonl",
      "envelopes of a program's own",
    ],
    [
      "send --server smtp://relay.example.org --journal sent list.mbox",
      "killed in the middle, the same again goes on",
    ],
    ["send --dry-run Maildir", "who would get what"],
  ],
  statuses: [
    [EX.OK, "every recipient of every message succeeded"],
    [EX.DATAERR, "some recipients were refused for good, or some input is no message"],
    [EX.NOINPUT, "a file or directory can't be opened: nothing was sent"],
    [EX.UNAVAILABLE, "there is no session with the server: nothing was sent; or a package is missing"],
    [
      EX.IOERR,
      "some recipients are unknown: the connection was lost behind their text, or a run was killed; or a file or the journal can't be written",
    ],
    [
      EX.TEMPFAIL,
      "some recipients failed for now, or another process has the journal: the same command again may do it",
    ],
    [EX.NOPERM, "the server wants authentication, or refuses the credentials"],
    [EX.CONFIG, "a file that an option names can't be read"],
    [EX.INTERRUPTED, "ended by Ctrl-C"],
  ],
  load: async () => (await import("./command.ts")).send,
};
