import { createHash } from "node:crypto";
import type { MessageData } from "../../index.ts";
import type { Header } from "./header.ts";
import { DIGEST_OCTETS } from "./limits.ts";

/** A text that was found: its first octets, and a way to all of them. */
export interface Text {
  /** Its first octets; all of them if `size` is no more. */
  readonly first: Buffer;
  readonly size: number;
  /** Reads all of it again. Absent: its first octets are all, and stay in memory. */
  readonly again?: () => AsyncIterable<Buffer>;
}

/** Fields that only those who write a message may see, RFC 5322 §3.6.3. */
const BLIND: readonly string[] = ["bcc", "resent-bcc"];

/** What of a text is sent: all but the blind copies. In memory if it is small and there already. */
export function sentText(
  { first, size, again }: Text,
  header: Header,
  inMemory: number,
): { readonly data: MessageData; readonly size?: number } {
  const blind = header.fields.filter(({ name }) => BLIND.includes(name));
  const head = without(first.subarray(0, header.octets), blind);
  const removed = header.octets - head.length;
  if (again === undefined || (size <= inMemory && size === first.length)) {
    return { data: removed === 0 ? first : Buffer.concat([head, first.subarray(header.octets)]) };
  }
  // A copy: the first octets are many, and the data may be waited for long.
  const sent = Buffer.from(head);
  const seen = digest(first.subarray(0, header.octets));
  const { octets } = header;
  return {
    size: size - removed,
    data: () => withHead(again(), octets, (now) => (digest(now) === seen ? sent : undefined)),
  };
}

/** Tells a text, and the line that it was given in, from another: for its id. */
export function textDigest({ first, size }: Text, line: Uint8Array = Buffer.alloc(0)): string {
  const hash = createHash("sha256").update(line).update(first.subarray(0, DIGEST_OCTETS)).update(`${size}`);
  return hash.digest("hex").slice(0, 16);
}

function without(octets: Buffer, parts: Header["fields"]): Buffer {
  if (parts.length === 0) return octets;
  const kept: Buffer[] = [];
  let at = 0;
  for (const { start, end } of parts) {
    kept.push(octets.subarray(at, start));
    at = end;
  }
  return Buffer.concat([...kept, octets.subarray(at)]);
}

function digest(octets: Buffer): string {
  return createHash("sha256").update(octets).digest("base64");
}

/**
 * A text with another head. In a file that was changed meanwhile the blind copies may stand elsewhere: it is not sent.
 */
async function* withHead(
  blocks: AsyncIterable<Buffer>,
  octets: number,
  replaced: (head: Buffer) => Buffer | undefined,
): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const block of blocks) {
    if (head === undefined) {
      yield block;
      continue;
    }
    head = Buffer.concat([head, block]);
    if (head.length < octets) continue;
    const replacement = replaced(head.subarray(0, octets));
    if (replacement === undefined) break;
    yield replacement;
    yield head.subarray(octets);
    head = undefined;
  }
  if (head !== undefined) throw new Error("its file was changed since its header section was read");
}
