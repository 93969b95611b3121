import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

// LevelDB takes a log that is spoilt in its middle for one that ends there, and begins anew where its list of files is
// gone. For a record of what was sent both would mean that mail goes out twice: so its files are looked at before.
// A log's format: blocks of 32 KiB with records, each behind a header of checksum, length and type.

const BLOCK = 32_768;
const HEADER = 7;

/** Whether a folder has LevelDB's files in it, and what is wrong with them; undefined if there are none. */
export async function inspect(folder: string): Promise<{ readonly problem: string | undefined } | undefined> {
  const files = await filesIn(folder);
  if (!files.some((file) => /^(?:CURRENT$|MANIFEST-)|\.(?:log|ldb|sst)$/.test(file))) return undefined;
  const logs = files.filter((file) => file.endsWith(".log"));
  if (!files.includes("CURRENT")) return { problem: "its file CURRENT is gone" };
  const manifest = (await readFile(join(folder, "CURRENT"), "latin1")).trimEnd();
  if (!files.includes(manifest)) return { problem: "its file CURRENT names none of its files" };
  if (logs.length === 0) return { problem: "its log is gone" };
  for (const file of [manifest, ...logs]) {
    const at = spoiltAt(await readFile(join(folder, file)));
    if (at !== undefined) return { problem: `its file ${file} is spoilt at octet ${at}` };
  }
  return { problem: undefined };
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Where a log has something else than records. One that breaks off, or ends in zeros, was being written: that is none. */
function spoiltAt(log: Buffer): number | undefined {
  let at = 0;
  while (log.length - at >= HEADER) {
    const left = BLOCK - (at % BLOCK);
    if (left < HEADER) {
      at += left;
      continue;
    }
    const length = log.readUInt16LE(at + 4);
    const end = at + HEADER + length;
    if (log.readUInt32LE(at) === 0 && log[at + 6] === 0) return isZero(log, at) ? undefined : at;
    if (length > left - HEADER) return at;
    if (end > log.length) return undefined;
    if (log.readUInt32LE(at) !== masked(crc32c(log.subarray(at + 6, end)))) return at;
    at = end;
  }
  return undefined;
}

function isZero(log: Buffer, from: number): boolean {
  return log.subarray(from).every((octet) => octet === 0);
}

/** As LevelDB stores them: a checksum of data that has checksums in it would be weak. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), RFC 3720 §12.1, which node:zlib lacks. */
function crc32c(octets: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of octets) crc = (TABLE[(crc ^ octet) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, i) => {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
