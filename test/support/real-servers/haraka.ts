import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CERTIFICATE_FILE, KEY_FILE } from "../certificate.ts";
import { leftOutWithout } from "../tools.ts";
import { freePort } from "./free-port.ts";
import { startServerProcess } from "./server-process.ts";

/** Set by the gate to where it installed it aside: it is no dependency of the package. */
const HARAKA = process.env["HARAKA"] ?? "haraka";
const PLUGIN = fileURLToPath(new URL("haraka-plugin.cjs", import.meta.url));

/** Whether there is no Haraka to test with. */
export const harakaSkipped: boolean = leftOutWithout(
  [HARAKA],
  "npm install --prefix SOMEWHERE Haraka, and HARAKA=SOMEWHERE/node_modules/.bin/haraka.",
);

/** A Haraka of its own, with a plugin that stores texts; its certificate is the tests'. */
export interface RunningHaraka {
  /** STARTTLS is offered, and AUTH under it. */
  readonly port: number;
  /** The texts in a mailbox as they were stored, in no certain order. */
  delivered(recipient: string): Promise<string[]>;
  /** Ends it, and removes its files. */
  stop(): Promise<void>;
}

export interface HarakaOptions {
  /** The local parts that have a mailbox at example.net. */
  readonly mailboxes: readonly string[];
  readonly user: { readonly name: string; readonly password: string };
}

const CONNECTION = `[main]
smtputf8=true
[headers]
add_received=false
clean_auth_results=false
max_lines=1000
max_received=100
[max]
bytes=10000000
mime_parts=1000
line_length=512
data_line_length=100000
[message]
helo=hello
close=bye
[uuid]
banner_chars=6
deny_chars=0
`;

/** Starts a Haraka on a free port of 127.0.0.1. Fulfils when it has greeted. */
export async function startHaraka({ mailboxes, user }: HarakaOptions): Promise<RunningHaraka> {
  const root = await mkdtemp(join(tmpdir(), "smtp-haraka-"));
  try {
    const port = await freePort();
    const mail = join(root, "mail");
    for (const name of ["config", "plugins", "mail", "queue"]) await mkdir(join(root, name));
    for (const mailbox of mailboxes) await mkdir(join(mail, mailbox));
    const files = {
      "smtp.ini": `listen=127.0.0.1:${port}\nnodes=0\ndaemonize=false\n`,
      "log.ini": "[main]\nlevel=warn\n",
      me: "mail.example.org\n",
      plugins: "tls\nauth/flat_file\ntests\n",
      // No text is touched: no field in front, no long line broken.
      "connection.ini": CONNECTION,
      "tls.ini": "key=key.pem\ncert=certificate.pem\n",
      "auth_flat_file.ini": `[core]\nmethods=PLAIN,LOGIN,CRAM-MD5\nconstrain_sender=false\n[users]\n${user.name}=${user.password}\n`,
      "tests.json": JSON.stringify({ mailboxes, folder: mail }),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(root, "config", name), text);
    await copyFile(PLUGIN, join(root, "plugins", "tests.js"));
    await copyFile(CERTIFICATE_FILE, join(root, "config", "certificate.pem"));
    await copyFile(KEY_FILE, join(root, "config", "key.pem"));
    const server = startServerProcess(root, HARAKA, ["-c", root]);
    await server.greets([{ host: "127.0.0.1", port }]).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    return {
      port,
      // It has stored a text before it answers it.
      async delivered(recipient) {
        const folder = join(mail, recipient.replace(/@.*/, ""));
        return Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "latin1")));
      },
      stop: server.stop,
    };
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}
