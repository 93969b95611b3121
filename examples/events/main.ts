// What becomes of every recipient, told by events:
//
//   npm run example:events                 to a server of its own, which refuses some
//   npm run example:events -- --hang-up    the same, but the server hangs up instead of answering a text

import { parseArgs } from "node:util";
import { type RecipientFailedEvent, SmtpSession } from "smtp-pipelining";
import { runProgram } from "../terminal/program.ts";
import { EventLog } from "./log.ts";
import { MESSAGES } from "./messages.ts";
import { startServer } from "./server.ts";

async function sendAndTell(url: string, log: EventLog): Promise<void> {
  const session = new SmtpSession(url);
  const worthAnotherTry: RecipientFailedEvent[] = [];

  // RCPT was answered 2yz. The fate is still open: the text decides.
  session.on("recipientAccepted", (event) => log.recipient("recipientAccepted", event, event.reply));
  // One of these three comes for every recipient, once.
  session.on("recipientSucceeded", (event) => log.recipient("recipientSucceeded", event, event.reply));
  session.on("recipientUnknown", (event) => log.recipient("recipientUnknown", event, event.error));
  session.on("recipientFailed", (event) => {
    log.recipient("recipientFailed", event, event.reply ?? event.error);
    if (event.retryable) worthAnotherTry.push(event); // yours to queue, and to send again later
  });
  session.on("messageEnd", (event) => log.message(event));
  session.on("groupEnd", (event) => log.group(event));
  session.on("warning", (event) => log.problem("warning", event, event));
  session.on("error", (event) => log.problem("error", event, event.error));
  session.on("close", (event) => log.close(event));

  // Who listens needs no promise: they never reject for what a server says.
  for (const message of MESSAGES) void session.pipeline(message);
  const counts = await session.flush();
  await session.quit();
  log.summary(counts, worthAnotherTry);
}

const USAGE = `Sends a handful of messages and prints every event about them.

  npm run example:events                 to a server of its own, 40 ms away, which refuses some
  npm run example:events -- --hang-up    the same, but the server hangs up instead of answering a text

Exit status: 0 the session ended as it should, whatever became of the recipients; 1 it failed; 2 wrong arguments.
`;

await runProgram({
  command: "npm run example:events",
  usage: USAGE,
  async run(args) {
    const { values } = parseArgs({ args: [...args], options: { "hang-up": { type: "boolean" } } });
    const server = await startServer({ hangUp: values["hang-up"] ?? false });
    const log = new EventLog(process.stdout, process.env);
    await sendAndTell(server.url, log);
    await server.close();
    return log.failed ? 1 : 0;
  },
});
