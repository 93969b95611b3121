// The same script with nodemailer's own transport and with the one that pipelines:
//
//   npm run example:nodemailer
//   npm run example:nodemailer -- --messages 500 --distance 100

import { inspect, parseArgs } from "node:util";
import nodemailer, { type Transporter } from "nodemailer";
import { pipeliningTransport } from "smtp-pipelining/nodemailer";
import { createTestServer } from "smtp-pipelining/testing";
import { runProgram, UsageError, withNegativeNumbers } from "../terminal/program.ts";
import { type Report, sendNewsletter } from "./newsletter.ts";

interface Plan {
  readonly messages: number;
  /** Milliseconds to the server and back. */
  readonly distance: number;
}

interface Options {
  readonly host: string;
  readonly port: number;
  readonly pool: boolean;
  readonly ignoreTLS: boolean;
}

/** The one line that differs. */
const TRANSPORTS: readonly (readonly [code: string, make: (options: Options) => Transporter])[] = [
  ["nodemailer.createTransport(options)", (options) => nodemailer.createTransport(options)],
  [
    "nodemailer.createTransport(pipeliningTransport(options))",
    (options) => nodemailer.createTransport(pipeliningTransport(options)),
  ],
];

async function compare({ messages, distance }: Plan): Promise<number> {
  console.log(`${messages} messages to a server ${distance} ms away, which refuses nobody@example.net.`);
  console.log("options: { host, port, pool: true, ignoreTLS: true }\n");
  const reports: Report[] = [];
  for (const [code, make] of TRANSPORTS) {
    await using server = await createTestServer({
      latency: distance / 2,
      extensions: ["PIPELINING", "CHUNKING", "8BITMIME", "ENHANCEDSTATUSCODES"],
      replies: { "RCPT TO:<nobody@": "550 5.1.1 No such user here" },
    });
    const { host, port } = server;
    const report = await sendNewsletter(make({ host, port, pool: true, ignoreTLS: true }), messages);
    reports.push(report);
    const { milliseconds, sent, failed, first, refused } = report;
    const seconds = (milliseconds / 1_000).toFixed(2);
    console.log(
      `${code}\n  ${seconds} s: ${sent} sent, ${failed} failed; the server accepted ${server.messages.length}`,
    );
    console.log(`  the first message  ${shown(first)}`);
    console.log(`  the last message   ${shown(refused)}\n`);
  }
  const [theirs, ours] = reports;
  if (theirs === undefined || ours === undefined) return 1;
  console.log(
    `${(theirs.milliseconds / ours.milliseconds).toFixed(1)} times as fast; nothing else in the script has changed.`,
  );
  return 0;
}

/** What a script sees of a result or an error, without times and without where an error was made. */
function shown(told: unknown): string {
  const { envelopeTime: _, messageTime: __, ehlo: ___, ...facts } = { ...(told as Record<string, unknown>) };
  const message = told instanceof Error ? { message: told.message } : {};
  const rejected = facts["rejectedErrors"];
  const short = Array.isArray(rejected) ? { rejectedErrors: `${rejected.length} of them` } : {};
  const text = inspect({ ...message, ...facts, ...short }, { breakLength: 100, compact: 3 });
  return text.split("\n").join("\n                     ");
}

const USAGE = `Runs one script that sends mail with nodemailer's own transport, and with the one that pipelines.

  npm run example:nodemailer                       to a server of its own
  npm run example:nodemailer -- [OPTION VALUE]...

  --messages N     how many messages (100)
  --distance MS    how far away the server stands: milliseconds there and back (50)

Exit status: 0 all was sent, whatever became of the recipients; 2 wrong arguments.
`;

await runProgram({
  command: "npm run example:nodemailer",
  usage: USAGE,
  run: (args) => compare(planOf(args)),
});

function planOf(args: readonly string[]): Plan {
  const option = { type: "string" } as const;
  const { values } = parseArgs({
    args: withNegativeNumbers(args),
    options: { messages: option, distance: option },
  });
  return {
    messages: integer("--messages", values.messages, 100, 1, 10_000),
    distance: integer("--distance", values.distance, 50, 0, 2_000),
  };
}

function integer(name: string, text: string | undefined, usual: number, least: number, most: number): number {
  if (text === undefined) return usual;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${name} must be a whole number from ${least} to ${most}, not ${text}.`);
}
