import type { CommandSpec } from "../command.ts";
import { EX } from "../exit-status.ts";
import { SERVER_OPTIONS } from "../server.ts";

export const CHECK: CommandSpec = {
  usage: "check <url>",
  summary: "say what a server offers, and what is safe to use with it",
  about: [
    "Checks a mail server: what it offers, how far away it is, and what is safe to use with it.",
    "Only with --to are messages sent, nine at most, to find out whether it bears pipelining across messages, bursts, and an envelope with the connection.",
  ],
  positionals: { url: "the server, as smtp://mail.example.org" },
  options: {
    to: { kind: "text", describe: "send the messages to this address; without it nothing is sent" },
    from: { kind: "text", describe: "their sender; default: the recipient" },
    json: { kind: "flag", describe: "the report as JSON" },
    ...SERVER_OPTIONS,
  },
  examples: [
    ["check smtp://mail.example.org", "what it offers; nothing is sent"],
    ["check smtp://mail.example.org --to me@example.org", "what it bears, too"],
    ["check smtps://me@mail.example.org --json", "with a password from SMTP_PASSWORD, as JSON"],
  ],
  statuses: [
    [EX.OK, "all went as it should"],
    [EX.UNAVAILABLE, "no session came about, or something did not go as it should"],
    [EX.CONFIG, "a file that an option names can't be read"],
  ],
  load: async () => (await import("./command.ts")).check,
};
