import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Message } from "smtp-pipelining";
import { Journal, type JournalEntry, type JournalOptions } from "smtp-pipelining/journal";
import { onTestFinished } from "vitest";

/** A folder for a journal, removed when the test is over. */
export async function folderFor(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "journal-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, "journal");
}

/** A journal in a folder of its own, closed when the test is over. */
export async function openJournal(folder?: string, options?: JournalOptions): Promise<Journal> {
  const journal = await Journal.open(folder ?? (await folderFor()), options);
  onTestFinished(() => journal.close());
  return journal;
}

/** An entry's recipients and where they stand: `b1@example.net waiting`. */
export function states(entry: JournalEntry | undefined): string[] | undefined {
  return entry?.recipients.map(({ address, state }) => `${address} ${state}`);
}

export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

export const idsOf = (messages: readonly Pick<Message, "id">[]): unknown[] => messages.map(({ id }) => id);
