import { spawnSync } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { leftOutUnlessRoot, leftOutWithout } from "../tools.ts";
import { type EximConfig, eximConf } from "./exim-config.ts";
import { freePort } from "./free-port.ts";
import { makeMailFolder } from "./maildir.ts";
import { startServerProcess } from "./server-process.ts";

/** Exim's program. Where Postfix is installed Debian's package can't be: it is unpacked, and EXIM says where. */
const EXIM = process.env["EXIM"] ?? "exim4";

/** The user that Debian's Exim becomes. */
const USER = "Debian-exim";

/** Whether there is no Exim to test with. */
export const eximSkipped: boolean =
  leftOutWithout(
    [EXIM],
    "On Debian: apt-get download exim4-daemon-light, dpkg -x, useradd -r Debian-exim, and EXIM=…/usr/sbin/exim4; see .ci/run.",
  ) || leftOutUnlessRoot("exim4");

/** An Exim of its own: private configuration, spool and mailboxes; its certificate is the tests'. */
export interface RunningExim {
  readonly version: string;
  readonly ports: EximConfig["ports"];
  /** Runs the queue, and reads what a mailbox has: texts as they were sent, octets as characters, in no certain order. */
  delivered(recipient: string): Promise<string[]>;
  /** What it logged. */
  log(): Promise<string>;
  /** Ends it, and removes its files. */
  stop(): Promise<void>;
}

/** Starts Exim on free ports of 127.0.0.1. Fulfils when each port has greeted. */
export async function startExim(
  options: Pick<EximConfig, "mailboxes" | "user"> & Partial<Pick<EximConfig, "settings">>,
): Promise<RunningExim> {
  const root = await mkdtemp(join(tmpdir(), "smtp-exim-"));
  try {
    const ports = { plain: await freePort(), starttls: await freePort(), tls: await freePort() };
    await chmod(root, 0o755);
    await makeMailFolder(join(root, "mail"));
    await mkdir(join(root, "spool"));
    await chown(join(root, "spool"), idOf("-u"), idOf("-g"));
    const configuration = join(root, "exim.conf");
    await writeFile(configuration, eximConf({ root, ports, settings: {}, ...options }));
    const server = startServerProcess(root, EXIM, ["-C", configuration, "-bdf"]);
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
      version: /Exim version (\S+)/.exec(run(["-C", configuration, "-bV"]))?.[1] ?? "?",
      ports,
      async delivered(recipient) {
        run(["-C", configuration, "-qf"]);
        return readMailbox(join(root, "mail", recipient.replace(/@.*/, "")));
      },
      log: () => readFile(join(root, "spool", "mainlog"), "utf8"),
      stop: server.stop,
    };
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

function idOf(which: "-u" | "-g"): number {
  const { status, stdout } = spawnSync("id", [which, USER], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Exim wants a user ${USER}: useradd -r ${USER}`);
  return Number(stdout);
}

/** Runs it to its end, and returns what it printed. */
function run(args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(EXIM, args, { encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${EXIM} ${args.join(" ")}: ${status}\n${stdout}${stderr}`, { cause: error });
}

/** It puts nothing in front of a text; line ends are LF. */
async function readMailbox(directory: string): Promise<string[]> {
  const folder = join(directory, "new");
  const names = await readdir(folder).catch(() => []); // until its first message it is not there
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "latin1")));
  return texts.map((text) => text.replaceAll("\n", "\r\n"));
}
