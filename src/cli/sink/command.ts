import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { RunCommand } from "../command.ts";
import { EX } from "../exit-status.ts";
import { CommandFailure, errorText } from "../failure.ts";
import { count, counted, octets, rate } from "../output/amounts.ts";
import { type JsonLines, jsonLines } from "../output/json-lines.ts";
import { startTicker } from "../output/ticker.ts";
import type { Output } from "../shell.ts";
import { refusals } from "./patterns.ts";
import { startSink } from "./server.ts";

const PORT = 2_525;

/** Runs a server until Ctrl-C. */
export const sink: RunCommand = async (given, { stdout, stderr, onInterrupt }) => {
  const port = given.integer("port", { least: 0, most: 65_535 }) ?? PORT;
  const host = given.text("host") ?? "127.0.0.1";
  const latency = given.milliseconds("latency") ?? 0;
  const refusal = refusals(given.texts("refuse"), given.texts("defer"));
  const log = await openLog(given.text("log"), stdout);
  const seen = { messages: 0, recipients: 0, octets: 0, refused: 0 };
  let lately = { messages: 0, time: performance.now(), rate: 0 };

  const started = startSink({
    host,
    port,
    latency,
    refusal,
    refused: () => {
      seen.refused++;
    },
    taken: async (message) => {
      await log?.store(message);
      seen.messages++;
      seen.recipients += message.to.length;
      seen.octets += message.octets;
    },
  });
  const running = await started.catch((cause: unknown) => {
    throw new CommandFailure(EX.UNAVAILABLE, `--port ${port} can't be had on ${host}: ${errorText(cause)}`, {
      cause,
    });
  });
  stderr.write(`Listening on ${running.url}. Ctrl-C ends it.\n`);

  const totals = (): string =>
    `${counted(seen.messages, "message")} to ${counted(seen.recipients, "recipient")}, ${octets(seen.octets)}` +
    `${seen.refused === 0 ? "" : `, ${count(seen.refused)} refused`}`;
  const ticker = startTicker(stderr, () => {
    const time = performance.now();
    if (time - lately.time >= 1_000) {
      const perSecond = ((seen.messages - lately.messages) / (time - lately.time)) * 1_000;
      lately = { messages: seen.messages, time, rate: perSecond };
    }
    return `${totals()}; ${rate(lately.rate)}/s, ${counted(running.connections, "connection")}`;
  });
  await new Promise<void>((resolve) => {
    const ignoreFurther = onInterrupt(() => {
      ignoreFurther();
      resolve();
    });
    // Nobody reads the log any more: a pipe that ended.
    log?.lost.addEventListener("abort", () => resolve());
  });
  ticker.stop();
  running.close();
  await log?.end();
  stderr.write(`${totals()}\n`);
  if (log?.failure === undefined) return EX.OK;
  throw new CommandFailure(EX.IOERR, `--log ${given.text("log")} can't be written: ${log.failure.message}`);
};

async function openLog(file: string | undefined, stdout: Output): Promise<JsonLines | undefined> {
  if (file === undefined) return undefined;
  if (file === "-") return jsonLines(stdout, { owned: false });
  const stream = createWriteStream(file, { flags: "a" });
  try {
    await once(stream, "open");
  } catch (cause) {
    throw new CommandFailure(EX.IOERR, `--log ${file} can't be written: ${errorText(cause)}`, { cause });
  }
  return jsonLines(stream, { owned: true });
}
