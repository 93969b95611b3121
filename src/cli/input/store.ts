import { createReadStream, openSync, rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BLOCK_OCTETS } from "./limits.ts";

/** Octets that can be read any number of times, at any time. */
export interface Store {
  readonly size: number;
  /** The octets from `start` to `end`, which is not included. */
  read(start: number, end: number): AsyncIterable<Buffer>;
}

/** A file that is there. It is opened each time: nothing is held open while its messages wait. */
export function fileStore(path: string, size: number): Store {
  return {
    size,
    read: (start, end) =>
      start >= end ? nothing() : createReadStream(path, { start, end: end - 1, highWaterMark: BLOCK_OCTETS }),
  };
}

export function memoryStore(octets: Buffer): Store {
  return {
    size: octets.length,
    read: async function* (start, end) {
      if (start < end) yield octets.subarray(start, end);
    },
  };
}

/**
 * Keeps what can be read only once in a file that has no name any more: it goes when the process does, however that
 * ends, and nobody else can open it.
 */
export async function spool(blocks: AsyncIterable<Buffer>): Promise<Store> {
  const directory = await mkdtemp(join(tmpdir(), "smtp-pipelining-"));
  try {
    const path = join(directory, "input");
    let size = 0;
    const counted = async function* (): AsyncGenerator<Buffer> {
      for await (const block of blocks) {
        size += block.length;
        yield block;
      }
    };
    await writeFile(path, counted(), { mode: 0o600, flag: "wx" });
    const fd = openSync(path, "r");
    return {
      size,
      read: (start, end) =>
        start >= end
          ? nothing()
          : createReadStream("", { fd, autoClose: false, start, end: end - 1, highWaterMark: BLOCK_OCTETS }),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}
