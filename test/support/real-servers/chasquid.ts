import { spawnSync } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CERTIFICATE_FILE, KEY_FILE } from "../certificate.ts";
import { leftOutWithout } from "../tools.ts";
import { freePort } from "./free-port.ts";
import { startServerProcess } from "./server-process.ts";

/** Whether there is no chasquid to test with. */
export const chasquidSkipped: boolean = leftOutWithout(
  ["chasquid", "chasquid-util"],
  "On Debian: apt-get install chasquid.",
);

/** A chasquid of its own: private configuration, queue and mailboxes; its certificate is the tests'. */
export interface RunningChasquid {
  readonly version: string;
  /** SMTP, with STARTTLS. */
  readonly port: number;
  /** Waits until nothing is queued, and reads what a mailbox has, in no certain order. */
  delivered(recipient: string): Promise<string[]>;
  /** Ends it, and removes its files. */
  stop(): Promise<void>;
}

/** What it puts in front of a text. */
const TRACE = /^(?:(?:Received|Received-SPF|Authentication-Results|Delivered-To):.*\r?\n(?:[ \t].*\r?\n)*)+/;

export async function startChasquid(mailboxes: readonly string[]): Promise<RunningChasquid> {
  const root = await mkdtemp(join(tmpdir(), "smtp-chasquid-"));
  try {
    const port = await freePort();
    const at = (...path: string[]): string => join(root, ...path);
    for (const folder of [
      "data",
      "mail",
      "conf/hooks",
      "conf/certs/mail.example.org",
      "conf/domains/example.net",
    ]) {
      await mkdir(at(folder), { recursive: true });
    }
    for (const mailbox of mailboxes) await mkdir(at("mail", mailbox));
    await copyFile(CERTIFICATE_FILE, at("conf/certs/mail.example.org/fullchain.pem"));
    await copyFile(KEY_FILE, at("conf/certs/mail.example.org/privkey.pem"));
    // It delivers by a program: this one makes a file of each text.
    await script(at("deliver"), `exec cat > "$(mktemp "${root}/mail/\${1%%@*}/XXXXXXXXXX")"\n`);
    await script(
      at("conf/hooks/post-data"),
      `if sed '/^\\r*$/q' | grep -q '^X-Refuse:'; then echo Unwanted; exit 20; fi\n`,
    );
    await writeFile(
      at("conf/chasquid.conf"),
      `hostname: "mail.example.org"
max_data_size_mb: 50
smtp_address: "127.0.0.1:${port}"
submission_address: "127.0.0.1:${await freePort()}"
submission_over_tls_address: "127.0.0.1:${await freePort()}"
mail_delivery_agent_bin: "${at("deliver")}"
mail_delivery_agent_args: "%to%"
data_dir: "${at("data")}"
mail_log_path: "<stderr>"
`,
    );
    for (const mailbox of mailboxes) {
      run("chasquid-util", [
        `--configdir=${at("conf")}`,
        "user-add",
        `${mailbox}@example.net`,
        "--password=x",
      ]);
    }
    const server = startServerProcess(root, "chasquid", [`-config_dir=${at("conf")}`]);
    await server.greets([{ host: "127.0.0.1", port }]).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    const read = async (folder: string): Promise<string[]> =>
      Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "latin1")));
    return {
      version: /chasquid (\S+)/.exec(run("chasquid", ["-version"]))?.[1] ?? "?",
      port,
      async delivered(recipient) {
        await server.until("delivery", async () => (await readdir(at("data/queue"))).length === 0);
        const texts = await read(at("mail", recipient.replace(/@.*/, "")));
        return texts.map((text) => text.replace(TRACE, "").replaceAll(/\r?\n/g, "\r\n"));
      },
      stop: server.stop,
    };
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

async function script(path: string, lines: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${lines}`);
  await chmod(path, 0o755);
}

/** Runs a program to its end, and returns what it printed. */
function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status === 0) return stdout + stderr;
  throw new Error(`${program} ${args.join(" ")}: ${status}\n${stdout}${stderr}`, { cause: error });
}
