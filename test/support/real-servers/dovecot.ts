import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { leftOutUnlessRoot, leftOutWithout } from "../tools.ts";
import { type DovecotUser, dovecotFiles } from "./dovecot-config.ts";
import { freePort } from "./free-port.ts";
import { makeMailFolder, readMaildir } from "./maildir.ts";
import { startServerProcess } from "./server-process.ts";

/** Whether there is no Dovecot to test with. */
export const dovecotSkipped: boolean =
  leftOutWithout(
    ["dovecot", "/usr/lib/dovecot/lmtp"],
    "On Debian: apt-get install dovecot-core dovecot-lmtpd.",
  ) || leftOutUnlessRoot("dovecot");

export interface DovecotOptions {
  /** Who has a mailbox, whatever the domain. All others are refused, 550. */
  readonly users: readonly DovecotUser[];
}

/**
 * A Dovecot of its own: private configuration and mailboxes; its certificate is the tests'. It takes mail by LMTP, and
 * checks passwords for Postfix: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1, SCRAM-SHA-256; XOAUTH2, OAUTHBEARER with tokens of
 * `accessToken()`.
 */
export interface RunningDovecot {
  /** LMTP, with STARTTLS. */
  readonly lmtpPort: number;
  /** The same on a Unix socket. */
  readonly lmtpSocket: string;
  /** The Unix socket of the authentication service, for Postfix. */
  readonly authSocket: string;
  /** What a mailbox has: texts as they were sent, octets as characters, in no certain order. */
  delivered(recipient: string): Promise<string[]>;
  /** Ends it, and removes its files. */
  stop(): Promise<void>;
}

/** Starts the `dovecot` of the PATH on a free port of 127.0.0.1. Fulfils when LMTP has greeted. */
export async function startDovecot({ users }: DovecotOptions): Promise<RunningDovecot> {
  const root = await mkdtemp(join(tmpdir(), "smtp-dovecot-"));
  try {
    const lmtpPort = await freePort();
    const lmtpSocket = join(root, "lmtp");
    // Dovecot's own users come through here.
    await chmod(root, 0o755);
    const mail = join(root, "mail");
    await makeMailFolder(mail);
    for (const [name, text] of Object.entries(dovecotFiles({ root, lmtpPort, users }))) {
      const file = join(root, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    const server = startServerProcess(root, "dovecot", ["-c", join(root, "dovecot.conf"), "-F"]);
    await server
      .greets([{ host: "127.0.0.1", port: lmtpPort }, { path: lmtpSocket }])
      .catch(async (error: unknown) => {
        await server.stop();
        throw error;
      });
    return {
      lmtpPort,
      lmtpSocket,
      authSocket: join(root, "auth"),
      delivered: (recipient) => readMaildir(join(mail, recipient.replace(/@.*/, ""))),
      stop: server.stop,
    };
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}
