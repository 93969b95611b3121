import { lstat, opendir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FILES_AHEAD } from "./limits.ts";
import { type Opened, openPath } from "./open.ts";

/** A file in a directory; of a Maildir with the name that it keeps. */
export type Entry = Exclude<Opened, { kind: "directory" }> & { readonly name?: string | undefined };

/** The subdirectories of a Maildir that hold messages; tmp holds what is being written. */
const MAILDIR = ["cur", "new"] as const;

/**
 * Goes through a directory and those in it, by name. Names that begin with a dot are hidden, and a link to a directory
 * is not followed: it may lead back. A directory that is a Maildir is read as one.
 */
export async function* walk(path: string, octets: number): AsyncGenerator<Entry> {
  if (await isMaildir(path)) {
    yield* walkMaildir(path, octets);
    return;
  }
  for await (const opened of openAll(path, octets)) {
    if (opened.kind !== "directory") yield opened;
    else if (!(await isLink(opened.path))) yield* walk(opened.path, octets);
  }
}

/** Whether a directory is a Maildir. */
export async function isMaildir(path: string): Promise<boolean> {
  for (const name of MAILDIR) {
    const found = await stat(join(path, name)).catch(() => undefined);
    if (!found?.isDirectory()) return false;
  }
  return true;
}

/** The files of a Maildir. A file keeps its name up to the colon while its flags and its subdirectory change. */
async function* walkMaildir(path: string, octets: number): AsyncGenerator<Entry> {
  for (const subdirectory of MAILDIR) {
    for await (const opened of openAll(join(path, subdirectory), octets)) {
      if (opened.kind === "directory") continue;
      const [unique = ""] = opened.path.slice(join(path, subdirectory).length + 1).split(":", 1);
      yield { ...opened, name: join(path, unique) };
    }
  }
}

/** Opens the entries of a directory in order, a few ahead of their turn. */
async function* openAll(path: string, octets: number): AsyncGenerator<Opened> {
  let names: string[];
  try {
    names = await namesIn(path);
  } catch (cause) {
    yield { kind: "failed", path, cause };
    return;
  }
  const ahead: Promise<Opened>[] = [];
  for (const name of names) {
    ahead.push(openPath(join(path, name), octets));
    if (ahead.length < FILES_AHEAD) continue;
    const opened = await ahead.shift();
    if (opened !== undefined) yield opened;
  }
  for (const opened of ahead) yield await opened;
}

/** The names in a directory that are not hidden, sorted: alike whatever the language of the host. */
async function namesIn(path: string): Promise<string[]> {
  const names = await readdir(path);
  return names.filter((name) => !name.startsWith(".")).sort();
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isSymbolicLink() ?? true;
}

/** About how many files a walk finds, and how many octets they have: those only if asked for. */
export async function measure(path: string, withOctets: boolean): Promise<{ files: number; octets: number }> {
  const maildir = await isMaildir(path);
  const found = { files: 0, octets: 0 };
  for (const directory of maildir ? MAILDIR.map((name) => join(path, name)) : [path]) {
    // What can't be read is told of when its turn comes.
    const entries = await opendir(directory).catch(() => []);
    for await (const entry of entries) {
      const file = join(directory, entry.name);
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) {
        const inner = maildir ? { files: 0, octets: 0 } : await measure(file, withOctets);
        found.files += inner.files;
        found.octets += inner.octets;
      } else {
        found.files++;
        if (withOctets) found.octets += (await stat(file).catch(() => ({ size: 0 }))).size;
      }
    }
  }
  return found;
}
