/** Octets up to which a block is copied next to what stands around it; a larger one leaves as it is. */
const COPIED_OCTETS = 16_384;

/** What is to be written together, until it is: lines and octets in their order. */
export class Batch {
  #parts: (string | Uint8Array)[] = [];
  #octets = 0;

  get octets(): number {
    return this.#octets;
  }

  addLines(lines: string): void {
    if (lines === "") return;
    this.#parts.push(lines);
    this.#octets += Buffer.byteLength(lines);
  }

  addOctets(octets: Uint8Array): void {
    if (octets.length === 0) return;
    this.#parts.push(octets);
    this.#octets += octets.length;
  }

  /** Empties it. Returns its octets in few blocks: each costs a call, and a place in the socket's queue. */
  take(): Uint8Array[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#octets = 0;
    const blocks: Uint8Array[] = [];
    let from = 0;
    parts.forEach((part, i) => {
      if (typeof part === "string" || part.length <= COPIED_OCTETS) return;
      if (i > from) blocks.push(joined(parts, from, i));
      blocks.push(part);
      from = i + 1;
    });
    if (from < parts.length) blocks.push(joined(parts, from, parts.length));
    return blocks;
  }
}

function joined(parts: readonly (string | Uint8Array)[], from: number, to: number): Uint8Array {
  let length = 0;
  for (let i = from; i < to; i++) {
    const part = parts[i] ?? "";
    length += typeof part === "string" ? Buffer.byteLength(part) : part.length;
  }
  const block = Buffer.allocUnsafe(length);
  let at = 0;
  for (let i = from; i < to; i++) {
    const part = parts[i] ?? "";
    if (typeof part === "string") at += block.write(part, at);
    else {
      block.set(part, at);
      at += part.length;
    }
  }
  return block;
}
