import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { isMaildir } from "./directory.ts";
import { InputError, type InputKind } from "./input.ts";
import { failureText, openPath } from "./open.ts";

/** A source that can be opened: files and directories by their absolute path, and what can be read but once. */
export type Source =
  | { readonly kind: "file"; readonly path: string; readonly size: number; readonly is: FileKind }
  | { readonly kind: "directory"; readonly path: string }
  /** Without a path it is standard input. */
  | { readonly kind: "stream"; readonly path?: string };

/** What a file is. */
export type FileKind = Exclude<InputKind, "maildir">;

/** Octets that show what a file is. */
const KIND_OCTETS = 512;

/**
 * Sees whether all sources can be opened, before anything is read.
 * @throws InputError that names the one that can't
 */
export async function findSources(
  names: readonly string[],
  directory: string,
  told: InputKind | undefined,
): Promise<Source[]> {
  return Promise.all(names.map((name) => findSource(name, directory, told)));
}

async function findSource(name: string, directory: string, told: InputKind | undefined): Promise<Source> {
  if (name === "-") {
    if (told === "maildir") throw new InputError(name, "standard input can't be a Maildir");
    return { kind: "stream" };
  }
  const path = resolve(directory, name);
  // Without opening it: who writes into a pipe would lose his reader.
  const found = await stat(path).catch((cause) => {
    throw unreadable(name, cause);
  });
  const pipe = !found.isFile() && !found.isDirectory();
  if (told !== "maildir" && pipe) return { kind: "stream", path };
  const opened = await openPath(path, KIND_OCTETS);
  if (opened.kind === "failed") throw unreadable(name, opened.cause);
  if (opened.kind === "directory") {
    try {
      await access(path, constants.R_OK | constants.X_OK);
    } catch (cause) {
      throw unreadable(name, cause);
    }
    if (told === "maildir" && !(await isMaildir(path))) {
      throw new InputError(name, `${name}: it is no Maildir: it lacks cur or new`);
    }
    return { kind: "directory", path };
  }
  if (told === "maildir" || opened.kind !== "file") {
    throw new InputError(name, `${name}: it is no Maildir: it is no directory`);
  }
  return { kind: "file", path, size: opened.size, is: told ?? kindOf(opened.first, basename(path), true) };
}

function unreadable(name: string, cause: unknown): InputError {
  return new InputError(name, `${name}: it can't be read: ${failureText(cause)}`, { cause });
}

/** What a file is, by its first octets; by its name where those say nothing, or could mislead. */
export function kindOf(first: Buffer, name: string, named: boolean): FileKind {
  const start = first
    .toString("latin1", 0, KIND_OCTETS)
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart();
  if (start.startsWith("From ")) return "mbox";
  if (/\.(?:jsonl|ndjson)$/i.test(name)) return "jsonl";
  if (named && start.startsWith("{")) return "jsonl";
  return /\.mbox$/i.test(name) ? "mbox" : "eml";
}
