import type { CommandSpec } from "../command.ts";
import { EX } from "../exit-status.ts";

export const SINK: CommandSpec = {
  usage: "sink",
  summary: "a test server that takes everything, and keeps nothing",
  about: [
    "A mail server on this machine that takes every message and throws it away: for trying out senders. It says on standard error where it listens and counts what it takes; Ctrl-C ends it.",
    "It is smtp-server's: PIPELINING, 8BITMIME, SMTPUTF8, DSN, SIZE and ENHANCEDSTATUSCODES. It has no CHUNKING, so no bursts, no BINARYMIME, PIPECONNECT or LIMITS, and here neither TLS nor AUTH.",
    "A pattern is an address in which * stands for anything, as *@busy.example; case does not matter.",
  ],
  positionals: {},
  options: {
    port: { kind: "text", describe: "default 2525; 0: a free one" },
    host: { kind: "text", describe: "the address to listen on; default 127.0.0.1, this machine alone" },
    latency: { kind: "text", describe: "how long octets are on their way, in each direction, as 25ms" },
    refuse: { kind: "texts", describe: "refuse these recipients for good (550); may be repeated" },
    defer: { kind: "texts", describe: "refuse these recipients for now (450); may be repeated" },
    log: {
      kind: "text",
      describe: "append a line of JSON for each message taken to this file; -: standard output",
    },
  },
  examples: [
    ["sink", "on port 2525"],
    ["sink --port 0 --latency 25ms", "50 ms away, on a free port"],
    ["sink --refuse 'nobody@*' --defer '*@busy.example' --log taken.jsonl", "with refusals, and a log"],
  ],
  statuses: [
    [EX.OK, "ended by Ctrl-C"],
    [EX.UNAVAILABLE, "the port can't be had, or a package is missing"],
    [EX.IOERR, "the log can't be written: what was not logged was answered 451"],
  ],
  load: async () => (await import("./command.ts")).sink,
};
