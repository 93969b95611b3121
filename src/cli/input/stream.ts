import type { Readable } from "node:stream";
import { HEADER_OCTETS } from "./limits.ts";
import { type FileKind, kindOf } from "./sources.ts";
import { memoryStore, type Store, spool } from "./store.ts";

/** What a stream is: lines that are read as they come, or something that is kept, to be read again. */
export type OpenedStream =
  | { readonly kind: "jsonl"; readonly blocks: AsyncIterable<Buffer> }
  | { readonly kind: Exclude<FileKind, "jsonl">; readonly store: Store };

/** Reads a stream as far as is needed to see what it is. Waits for no more than that: lines may come slowly. */
export async function openStream(
  stream: Readable,
  name: string,
  told: FileKind | undefined,
  signal: AbortSignal | undefined,
): Promise<OpenedStream> {
  const blocks = octetsOf(stream, signal);
  let first: Buffer = Buffer.alloc(0);
  let ended = false;
  const readTo = async (enough: (octets: Buffer) => boolean): Promise<void> => {
    while (!ended && !enough(first)) {
      const { value, done } = await blocks.next();
      if (done) ended = true;
      else first = Buffer.concat([first, value]);
    }
  };
  await readTo((octets) => /\S{5}|^\s*\{/.test(octets.toString("latin1", 0, 1_000)) || octets.length > 1_000);
  const kind = told ?? kindOf(first, name, true);
  const all = async function* (): AsyncGenerator<Buffer> {
    yield first;
    yield* blocks;
  };
  if (kind === "jsonl") return { kind, blocks: all() };
  await readTo((octets) => octets.length > HEADER_OCTETS);
  return { kind, store: ended ? memoryStore(first) : await spool(all()) };
}

async function* octetsOf(stream: Readable, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const abort = (): void => {
    stream.destroy(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
  };
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    for await (const block of stream) yield typeof block === "string" ? Buffer.from(block) : block;
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
