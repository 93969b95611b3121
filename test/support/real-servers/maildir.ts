import { chown, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Whose the mailboxes are, "nobody": no server delivers to those of root. */
export const MAILBOX_OWNER = 65_534;

/** Makes the folder in which a server makes its Maildirs. */
export async function makeMailFolder(directory: string): Promise<void> {
  await mkdir(directory);
  await chown(directory, MAILBOX_OWNER, MAILBOX_OWNER);
}

/** The header fields with which a server traces its delivery: its Received field is the last of them. */
const TRACE = /^(?:(?:Return-Path|X-Original-To|Delivered-To):.*\r\n)+Received:.*\r\n(?:[ \t].*\r\n)*/;

/**
 * The messages in a Maildir, without what the server put in front, in no certain order. Their line ends are CRLF, as on
 * the wire. Octets are characters (latin1).
 */
export async function readMaildir(directory: string): Promise<string[]> {
  const folder = join(directory, "new");
  const names = await readdir(folder).catch(absent);
  return Promise.all(
    names.map(async (name) => {
      const text = (await readFile(join(folder, name), "latin1")).replaceAll("\n", "\r\n");
      if (!TRACE.test(text)) throw new Error(`no trace in ${join(folder, name)}:\n${text}`);
      return text.replace(TRACE, "");
    }),
  );
}

/** Until its first message a Maildir is not there. */
function absent(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}
