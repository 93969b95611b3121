import type { Readable } from "node:stream";
import type { MessageData } from "../session/message.ts";

/** The text of a message as far as it was read: whole, or what follows it still in the stream. */
export interface ComposedText {
  readonly data: MessageData;
  /** Whether it is in memory: it can be sent more than once. */
  readonly whole: boolean;
  /** Closes the stream, and what it reads from, if it was not read to its end. */
  close(): void;
}

/**
 * Reads the text of a message into memory, if it is no larger than allowed; else what was read of it goes before the rest.
 * @throws what the stream fails with
 */
export async function composeText(stream: Readable, most: number): Promise<ComposedText> {
  const blocks: Uint8Array[] = [];
  const iterator = blocksOf(stream);
  for (let octets = 0; octets <= most; ) {
    const { done, value } = await iterator.next();
    if (done) return { data: Buffer.concat(blocks), whole: true, close: () => undefined };
    blocks.push(value);
    octets += value.length;
  }
  return { data: new Continued(blocks, iterator), whole: false, close: () => stream.destroy() };
}

async function* blocksOf(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const block of stream as AsyncIterable<Uint8Array | string>) {
    yield typeof block === "string" ? Buffer.from(block) : block;
  }
}

/** What was read, and then the rest. No generator: one that was never begun would not close what it reads from. */
class Continued implements AsyncIterableIterator<Uint8Array, void> {
  readonly #read: Uint8Array[];
  readonly #rest: AsyncGenerator<Uint8Array, void, undefined>;

  constructor(read: Uint8Array[], rest: AsyncGenerator<Uint8Array, void, undefined>) {
    this.#read = read;
    this.#rest = rest;
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    const value = this.#read.shift();
    return value === undefined ? this.#rest.next() : { done: false, value };
  }

  return(): Promise<IteratorResult<Uint8Array, void>> {
    return this.#rest.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
