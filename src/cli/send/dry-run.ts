import type { Message } from "../../index.ts";
import { EX, type ExitStatus } from "../exit-status.ts";
import type { InputMessages, Origin } from "../input/index.ts";
import { counted } from "../output/amounts.ts";
import type { JsonLines } from "../output/json-lines.ts";
import type { Output } from "../shell.ts";
import { type EnvelopeLine, problemLine, sourceOf } from "./results.ts";

/** Prints the envelope of each message, and sends nothing. */
export async function dryRun(
  messages: InputMessages,
  results: JsonLines,
  stderr: Output,
): Promise<ExitStatus> {
  let found = 0;
  let problems = 0;
  for await (const { message, problem } of messages) {
    if (results.lost.aborted) break;
    if (problem === undefined) {
      found++;
      await results.write(envelopeLine(message));
    } else {
      problems++;
      await results.write(problemLine(problem, new Date()));
    }
  }
  await results.end();
  if (results.failure !== undefined) return EX.IOERR;
  stderr.write(`${counted(found, "message")} would be sent, ${problems} can't be\n`);
  return problems === 0 ? EX.OK : EX.DATAERR;
}

function envelopeLine({ id = "", from, to, tag, data, size }: Message<Origin>): EnvelopeLine {
  const recipients = Array.isArray(to) ? to : [to];
  const octets = size ?? (data instanceof Uint8Array ? data.length : undefined);
  return {
    id,
    ...sourceOf(tag),
    from,
    to: recipients.map((each) => (typeof each === "string" ? each : each.address)),
    ...(octets !== undefined && { size: octets }),
  };
}
