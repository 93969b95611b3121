import type { CommandSpec } from "../command.ts";
import { EX } from "../exit-status.ts";
import { FLOW_OPTIONS, SERVER_OPTIONS } from "../server.ts";

const { window } = FLOW_OPTIONS;

export const BENCH: CommandSpec = {
  usage: "bench",
  summary: "measure how fast a server of your own takes messages",
  about: [
    "Sends messages to a server of your own, three times: in lock-step (a reply is awaited behind every command), pipelined with DATA, and in bursts with BDAT where the server has CHUNKING. It prints messages a second, and how many times that is what lock-step does.",
    "Without --to no message is sent: it says how far away the server is, and what it offers.",
    "Each way is measured for 1,000 messages or 30 seconds, whatever comes first, behind a few that nobody counts. Let the recipient be one that throws its mail away.",
  ],
  positionals: {},
  options: {
    server: { kind: "text", describe: "where to: smtp://host, smtps://user@host, lmtp://host:port, …" },
    to: {
      kind: "texts",
      describe: "the recipient of every message; may be repeated; without it nothing is sent",
    },
    from: { kind: "text", describe: "the sender; default: the first recipient" },
    messages: { kind: "text", describe: "messages to be sent in each way, at most; default 1000" },
    time: { kind: "text", describe: "how long each way is measured, at most; default 30s" },
    size: { kind: "text", describe: "octets of each text, as 4K or 1M; default 4K" },
    connections: { kind: "text", describe: "connections at a time; default 1" },
    json: { kind: "flag", describe: "the report as JSON" },
    window,
    ...SERVER_OPTIONS,
  },
  examples: [
    ["bench --server smtp://mail.example.org", "how far away it is; nothing is sent"],
    ["bench --server smtp://mail.example.org --to sink@example.org", "how fast it is"],
    [
      "bench --server smtp://mail.example.org --to sink@example.org --messages 10000 --connections 4 --json",
      "more of it, as JSON",
    ],
  ],
  statuses: [
    [EX.OK, "all that was measured was taken"],
    [EX.UNAVAILABLE, "no session came about, or messages were not taken; or a package is missing"],
    [EX.CONFIG, "a file that an option names can't be read"],
    [EX.INTERRUPTED, "ended by Ctrl-C: the report has what was measured before"],
  ],
  load: async () => (await import("./command.ts")).bench,
};
