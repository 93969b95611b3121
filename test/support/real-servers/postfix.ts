import { spawnSync } from "node:child_process";
import { appendFile, chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { leftOutUnlessRoot, leftOutWithout } from "../tools.ts";
import { freePort } from "./free-port.ts";
import { makeMailFolder, readMaildir } from "./maildir.ts";
import { mailboxesFile, mainCf, masterCf, type PostfixConfig } from "./postfix-config.ts";
import { startServerProcess } from "./server-process.ts";

/** Whether there is no Postfix to test with. */
export const postfixSkipped: boolean =
  leftOutWithout(["postfix"], "On Debian: apt-get install postfix.") || leftOutUnlessRoot("postfix");

export interface PostfixOptions {
  /** The local parts that have a mailbox at example.net. All others are refused, 550. */
  readonly mailboxes: readonly string[];
  /** Socket of Dovecot's authentication service. With it, `starttls` and `tls` take mail only after AUTH. */
  readonly authSocket?: string;
  /** Settings of main.cf on top of the tests' own. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A Postfix of its own: private configuration, queue and mailboxes; its certificate is the tests'. */
export interface RunningPostfix {
  readonly ports: {
    /** No TLS, no AUTH. XCLIENT is allowed. */
    readonly plain: number;
    /** STARTTLS is offered, AUTH only under it. */
    readonly starttls: number;
    /** TLS from the first octet. */
    readonly tls: number;
  };
  /**
   * Waits until nothing is queued, and reads what a mailbox has: texts as they were sent, octets as characters, in no
   * certain order.
   */
  delivered(recipient: string): Promise<string[]>;
  /** Fulfils when Postfix has logged that. */
  logs(text: string): Promise<void>;
  /** Ends it, and removes its files. */
  stop(): Promise<void>;
}

const DOMAIN = "example.net";

/** Where a message is until it is delivered, in the order in which it gets there. */
const QUEUES = ["maildrop", "incoming", "active", "deferred"];

/** Starts the `postfix` of the PATH on free ports of 127.0.0.1. Fulfils when each port has greeted. */
export async function startPostfix({
  mailboxes,
  authSocket,
  settings = {},
}: PostfixOptions): Promise<RunningPostfix> {
  const root = await mkdtemp(join(tmpdir(), "smtp-postfix-"));
  try {
    const ports = { plain: await freePort(), starttls: await freePort(), tls: await freePort() };
    await writeInstance({ root, ports, domain: DOMAIN, mailboxes, authSocket, settings });
    run("postfix", ["-c", root, "check"]);
    // Only now: each of the lines that the check logs would wait a second for the logging service.
    await appendFile(join(root, "main.cf"), "maillog_file = /dev/stdout\n");
    const master = join(run("postconf", ["-c", root, "-h", "daemon_directory"]).trim(), "master");
    const server = startServerProcess(root, master, ["-c", root, "-s"]);
    const host = "127.0.0.1";
    const listeners = [
      { host, port: ports.plain },
      { host, port: ports.starttls },
      { host, port: ports.tls, tls: true },
    ];
    await server.greets(listeners).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    return {
      ports,
      async delivered(recipient) {
        await server.until("delivery", () => isDelivered(join(root, "queue")));
        return readMaildir(join(root, "mail", recipient.replace(`@${DOMAIN}`, "")));
      },
      logs: server.logs,
      stop: server.stop,
    };
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

async function writeInstance(config: PostfixConfig): Promise<void> {
  const { root } = config;
  // Postfix's own users come through here.
  await chmod(root, 0o755);
  // `postfix check` makes what is in here, and the rest.
  await mkdir(join(root, "queue"));
  await makeMailFolder(join(root, "mail"));
  await writeFile(join(root, "main.cf"), mainCf(config));
  await writeFile(join(root, "master.cf"), masterCf(config));
  await writeFile(join(root, "mailboxes"), mailboxesFile(config));
}

/** Runs a program of Postfix to its end, and returns what it printed. */
function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")}: ${status}\n${stdout}${stderr}`, { cause: error });
}

/** A message goes from queue to queue in the order of the look: so none is overlooked on its way. */
async function isDelivered(queue: string): Promise<boolean> {
  for (const name of QUEUES) {
    const entries = await readdir(join(queue, name), { recursive: true, withFileTypes: true });
    if (entries.some((entry) => entry.isFile())) return false;
  }
  return true;
}
