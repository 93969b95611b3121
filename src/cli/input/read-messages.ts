import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { type Entry, measure, walk } from "./directory.ts";
import type { Input, InputMessages, InputOptions, InputTotal } from "./input.ts";
import { type Found, problem } from "./message.ts";
import { failureText, openPath } from "./open.ts";
import { readOptions, type Settings } from "./options.ts";
import { readEml } from "./read-eml.ts";
import { readJsonLines } from "./read-json-lines.ts";
import { readMbox } from "./read-mbox.ts";
import { findSources, kindOf, type Source } from "./sources.ts";
import { fileStore } from "./store.ts";
import { openStream } from "./stream.ts";

/** How much was read so far. */
interface Progress {
  files: number;
  octets: number;
}

/**
 * Reads messages from files, directories, Maildirs, mbox files, JSON Lines, and standard input (`-`).
 *
 * One that can't be sent is yielded as a problem, and the others follow. A source that can't be opened at all rejects
 * the first `next()` with an {@link InputError}, before anything was yielded.
 *
 * @param sources paths, and `-` for standard input, once
 * @throws TypeError for an option that is none, or no source
 */
export function readMessages(sources: readonly string[], options: InputOptions = {}): InputMessages {
  const settings = readOptions(sources, options);
  const names = [...sources];
  return {
    [Symbol.asyncIterator]: () => readAll(names, settings),
    total: () => countAll(names, settings),
  };
}

async function* readAll(names: readonly string[], settings: Settings): AsyncGenerator<Input> {
  const { signal } = settings;
  signal?.throwIfAborted();
  const sources = await findSources(names, settings.directory, settings.told);
  const progress: Progress = { files: 0, octets: 0 };
  for (const source of sources) {
    for await (const found of readSource(source, settings, progress)) {
      signal?.throwIfAborted();
      yield { ...found, read: { ...progress } };
    }
  }
}

async function* readSource(source: Source, settings: Settings, progress: Progress): AsyncGenerator<Found> {
  const { beginning } = settings;
  if (source.kind === "stream") {
    yield* readStream(source.path, settings, progress);
  } else if (source.kind === "directory") {
    for await (const entry of walk(source.path, beginning))
      yield* readEntry(entry, false, settings, progress);
  } else {
    const opened = await openPath(source.path, beginning);
    if (opened.kind !== "directory") yield* readEntry(opened, true, settings, progress);
  }
}

async function* readEntry(
  entry: Entry,
  named: boolean,
  settings: Settings,
  progress: Progress,
): AsyncGenerator<Found> {
  const { path } = entry;
  if (entry.kind !== "file") {
    progress.files++;
    const cause = entry.kind === "failed" ? entry.cause : undefined;
    const reason = cause === undefined ? "it is no file" : `it can't be read: ${failureText(cause)}`;
    yield problem({ path }, "unreadable", reason, cause);
    return;
  }
  const { first, size, name } = entry;
  const inMaildir = name !== undefined;
  const kind = settings.fileKind ?? (inMaildir ? "eml" : kindOf(first, basename(path), named));
  const store = fileStore(path, size);
  if (kind === "eml") {
    progress.files++;
    progress.octets += size;
    yield readEml(first, store, { origin: { path }, name }, settings);
    return;
  }
  const messages =
    kind === "mbox" ? readMbox(store, path, settings) : readJsonLines(store.read(0, size), path, settings);
  yield* counted(messages, path, progress);
}

async function* readStream(
  path: string | undefined,
  settings: Settings,
  progress: Progress,
): AsyncGenerator<Found> {
  const { fileKind, signal, stdin = process.stdin } = settings;
  const stream = path === undefined ? stdin : createReadStream(path);
  const origin = { path: path ?? "-" };
  const opened = await openStream(stream, basename(path ?? ""), fileKind, signal).catch((cause: unknown) =>
    problem(origin, "unreadable", `it can't be read: ${failureText(cause)}`, cause),
  );
  if ("problem" in opened) {
    progress.files++;
    yield opened;
    return;
  }
  if (opened.kind === "jsonl") {
    yield* counted(readJsonLines(opened.blocks, origin.path, settings), origin.path, progress);
  } else if (opened.kind === "mbox") {
    yield* counted(readMbox(opened.store, origin.path, settings), origin.path, progress);
  } else {
    const { store } = opened;
    progress.files++;
    progress.octets += store.size;
    const parts: Buffer[] = [];
    for await (const part of store.read(0, settings.beginning)) parts.push(part);
    yield readEml(Buffer.concat(parts), store, { origin }, settings);
  }
}

/** The messages of a file that has several. What fails while it is read ends that file. */
async function* counted(
  messages: AsyncIterable<{ readonly found: Found; readonly end: number }>,
  path: string,
  progress: Progress,
): AsyncGenerator<Found> {
  const start = progress.octets;
  try {
    for await (const { found, end } of messages) {
      progress.octets = start + end;
      yield found;
    }
  } catch (cause) {
    yield problem({ path }, "unreadable", `it can't be read further: ${failureText(cause)}`, cause);
  }
  progress.files++;
}

async function countAll(names: readonly string[], settings: Settings): Promise<InputTotal | undefined> {
  const sources = await findSources(names, settings.directory, settings.told);
  if (sources.some(({ kind }) => kind === "stream")) return undefined;
  const unit = sources.some((source) => source.kind === "file" && source.is !== "eml") ? "octets" : "files";
  let amount = 0;
  for (const source of sources) {
    if (source.kind === "directory") amount += (await measure(source.path, unit === "octets"))[unit];
    else if (source.kind === "file") amount += unit === "octets" ? source.size : 1;
  }
  return { unit, amount };
}
