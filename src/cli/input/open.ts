import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** What stands at a path. */
export type Opened =
  | { readonly kind: "file"; readonly path: string; readonly size: number; readonly first: Buffer }
  | { readonly kind: "directory" | "other"; readonly path: string }
  | { readonly kind: "failed"; readonly path: string; readonly cause: unknown };

/** Opens what stands at a path, reads the first octets of a file, and closes it. Never waits for a pipe. */
export async function openPath(path: string, octets: number): Promise<Opened> {
  let file: FileHandle | undefined;
  try {
    // NONBLOCK: a pipe without a writer would be waited for.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await file.stat();
    if (stats.isDirectory()) return { kind: "directory", path };
    if (!stats.isFile()) return { kind: "other", path };
    const first = await readFirst(file, Math.min(stats.size, octets));
    // A file that became shorter meanwhile ends where its octets do.
    return { kind: "file", path, size: first.length < octets ? first.length : stats.size, first };
  } catch (cause) {
    return { kind: "failed", path, cause };
  } finally {
    await file?.close();
  }
}

async function readFirst(file: FileHandle, octets: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(octets);
  let filled = 0;
  while (filled < octets) {
    const { bytesRead } = await file.read(buffer, filled, octets - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** What a failure says, in a word or two where they are known. */
export function failureText(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "it may not be read by this user";
  if (code === "ELOOP") return "it is a symbolic link to itself";
  return cause instanceof Error ? cause.message : String(cause);
}
