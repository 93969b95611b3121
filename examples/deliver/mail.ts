import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Message } from "smtp-pipelining";

/** A message to be sent, and to whom. */
export interface Mail {
  readonly file: string;
  /** How it is called on the screen. */
  readonly name: string;
  readonly from: string;
  readonly to: readonly string[];
}

/** Where the examples are. */
export const EXAMPLE_MAIL: string = fileURLToPath(new URL("../mail", import.meta.url));

/** The file, or the *.eml files of a directory. @throws Error that says what is wrong */
export function findMails(path: string): Pick<Mail, "file" | "name">[] {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (facts === undefined)
    throw new Error(`${path} does not exist. Give .eml files or directories that have some.`);
  if (!facts.isDirectory()) return [readable({ file: path, name: basename(path) })];
  const mails = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.eml$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => readable({ file, name: relative(path, file) }));
  if (mails.length === 0) throw new Error(`${path} has no .eml file in it. Give a directory that has some.`);
  return mails;
}

function readable(mail: Pick<Mail, "file" | "name">): Pick<Mail, "file" | "name"> {
  try {
    accessSync(mail.file, constants.R_OK);
    return mail;
  } catch {
    throw new Error(`${mail.file} can't be read. Check its permissions.`);
  }
}

/** The messages, each read when the session asks for it: what waits is bounded by the session's window. */
export async function* messagesOf(mails: readonly Mail[]): AsyncGenerator<Message<Mail>, void, undefined> {
  for (const [index, mail] of mails.entries()) {
    const { file, from, to } = mail;
    yield { id: messageId(index), from, to, data: await readFile(file), tag: mail };
  }
}

/** The id of the message made of the mail at an index. */
export function messageId(index: number): string {
  return `mail-${index + 1}`;
}
