import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { leftOutUnlessRuns } from "../tools.ts";
import { freePort } from "./free-port.ts";
import { startServerProcess } from "./server-process.ts";

const PROGRAM = fileURLToPath(new URL("./net-server-mail.pl", import.meta.url));

/** Whether there is no Net::Server::Mail to test with. */
export const netServerMailSkipped: boolean = leftOutUnlessRuns(
  "perl",
  ["-MNet::Server::Mail::ESMTP", "-e1"],
  "On Debian: apt-get install libnet-server-mail-perl.",
);

/** A server that was made with it, as many small ones are. */
export interface RunningNetServerMail {
  readonly port: number;
  /** What a mailbox has: texts as they were sent, octets as characters, in no certain order. */
  delivered(recipient: string): Promise<string[]>;
  /** Ends it, and removes its files. */
  stop(): Promise<void>;
}

export async function startNetServerMail(mailboxes: readonly string[]): Promise<RunningNetServerMail> {
  const root = await mkdtemp(join(tmpdir(), "smtp-perl-"));
  try {
    const mail = join(root, "mail");
    await mkdir(mail);
    const port = await freePort();
    const server = startServerProcess(root, "perl", [PROGRAM, String(port), mail, ...mailboxes]);
    await server.greets([{ host: "127.0.0.1", port }]).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    return {
      port,
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
