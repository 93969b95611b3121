import { mkdirSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SmtpSession } from "smtp-pipelining";
import { attachRecorder } from "smtp-pipelining/recorder";
import { startEmbeddedServer } from "../deliver/embedded-server.ts";
import { startLatencyProxy } from "../deliver/latency.ts";
import { count, type Output } from "../deliver/screen.ts";
import { batch, FATAL_SENDER, refusal } from "./batch.ts";

/** How far away the server stands: milliseconds each way. */
const ONE_WAY = 20;

const USAGE = `Records a session and writes a page that shows it: open it in a browser.

  npm run example:record                        a batch to a server of its own that is 40 ms away, refuses some
                                                recipients and loses the connection before the end
  npm run example:record -- --out page.html     where the page goes; default: the system's directory for such files
  npm run example:record -- --redact            with pseudonyms instead of the addresses' local parts
`;

/** What the program gets from its surroundings. */
export interface Surroundings {
  readonly args: readonly string[];
  readonly out: Output;
  readonly errors: Output;
}

/** Records. Returns the exit status: 0 the page was written, 2 wrong arguments. */
export async function main({ args, out, errors }: Surroundings): Promise<number> {
  const options = readArguments(args);
  if (options === undefined) {
    errors.write(USAGE);
    return 2;
  }
  if (options.help) {
    out.write(USAGE);
    return 0;
  }
  const { page, fates } = await record(options.redact);
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, page);
  out.write(
    `${options.out}\n${fates}; the page has ${count(page.length, "character")}. Open it in a browser.\n`,
  );
  return 0;
}

function readArguments(
  args: readonly string[],
): { readonly out: string; readonly redact: boolean; readonly help: boolean } | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        out: { type: "string", default: join(tmpdir(), "smtp-session.html") },
        redact: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return { ...values, out: resolve(values.out) };
  } catch {
    return undefined; // an argument that is none: the usage says which there are
  }
}

/** Sends the batch over a path with latency, and records it. */
async function record(redactAddresses: boolean): Promise<{ page: string; fates: string }> {
  const connections = new Set<Socket>();
  const server = await startEmbeddedServer({
    refusal,
    arrived: ({ from }) => {
      if (from === FATAL_SENDER) for (const connection of connections) connection.destroy();
    },
  });
  server.smtp.server.on("connection", (connection: Socket) => connections.add(connection));
  const path = await startLatencyProxy(server, ONE_WAY);
  try {
    const session = new SmtpSession({ host: path.host, port: path.port });
    const recorder = attachRecorder(session, { title: "Invoices of November", redactAddresses });
    const deliveries = await Promise.all(batch().map((message) => session.pipeline(message)));
    await session.quit();
    const sum = (of: "succeeded" | "failed" | "unknown"): number =>
      deliveries.reduce((total, delivery) => total + delivery[of].length, 0);
    const fates = `${count(deliveries.length, "message")}: ${count(sum("succeeded"), "recipient")} succeeded, ${sum("failed")} failed, ${sum("unknown")} unknown`;
    return { page: recorder.html(), fates };
  } finally {
    await path.close();
    await server.close();
  }
}
