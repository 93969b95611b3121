import { openSync, writeSync } from "node:fs";
import type { createServer } from "node:net";
import { SMTPServer } from "smtp-server";
import { mannerOf } from "./load.ts";

// The mail server of the crash tests, in a process of its own that nobody kills: what it accepts it writes to a file
// before it says so. node sink.ts LOG

const [, , path = ""] = process.argv;
const log = openSync(path, "a");
const seen = new Set<string>();
let accepted = 0;

function refusal(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

/** Whether it was refused before. */
function again(address: string): boolean {
  if (seen.has(address)) return true;
  seen.add(address);
  return false;
}

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS", "AUTH"],
  disableReverseLookup: true,
  maxClients: 100,
  onRcptTo: ({ address }, _session, done) => {
    const manner = mannerOf(address);
    if (manner === "gone") done(refusal(550, "5.1.1 No such user here"));
    else if (manner === "busy" && !again(address)) done(refusal(450, "4.2.1 Mailbox busy"));
    else done();
  },
  onData: (stream, { envelope }, done) => {
    stream.resume();
    stream.on("end", () => {
      const to = envelope.rcptTo.map(({ address }) => address);
      const slow = to.filter((address) => mannerOf(address) === "slow" && !again(address));
      if (slow.length > 0) {
        done(refusal(451, "4.3.0 Try again later"));
        return;
      }
      writeSync(log, `${JSON.stringify(to)}\n`);
      done(null, "2.0.0 Taken");
      if (++accepted % 100 === 0) process.send?.({ accepted });
    });
  },
});
server.on("error", () => undefined); // a client that is killed
const listening = server.listen(0, "127.0.0.1", () => {
  const address = (listening as ReturnType<typeof createServer>).address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
process.on("disconnect", () => process.exit());
