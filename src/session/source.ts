import { Readable } from "node:stream";
import { isUint8Array } from "node:util/types";
import { SmtpError } from "../protocol/errors.ts";
import { TEXT_BLOCK_OCTETS } from "../protocol/limits.ts";
import { causeText, shownValue } from "./check.ts";
import type { MessageData, MessageText } from "./message.ts";

// Where a text comes from when it is not in memory. A source is opened one message ahead, before its envelope goes:
// what can't be opened, or fails before its first octet, costs only itself. Behind a 354 it would cost the connection.

/** Whether a value can be the data of a message. */
export function isDataSource(value: unknown): value is MessageData {
  return typeof value === "function" || isText(value);
}

function isText(value: unknown): value is MessageText {
  if (typeof value === "string" || isUint8Array(value)) return true;
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** The octets of a text that is in memory; undefined for any other. */
export function inMemory(data: MessageData): Uint8Array | undefined {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  return isUint8Array(data) ? data : undefined;
}

/** Streams and iterators that a message has taken: read by two, one would get an empty text, or each a part. */
const taken = new WeakSet<object>();

type Failed = (cause: unknown) => void;

/** Who is told when a stream fails. One listener per stream, and for good: late failures must not end the process. */
const watchers = new WeakMap<Readable, Set<Failed>>();

const HIGH_SURROGATE_END = /[\ud800-\udbff]$/;

/** A text that is read as it is sent. */
export class TextSource {
  readonly #data: MessageData;
  readonly #timeout: number;
  readonly #failed: Failed;
  #text: MessageText | undefined;
  #iterator: AsyncIterator<unknown> | undefined;
  /** Octets were asked of a stream: it can't be sent again. */
  #reading = false;
  #taken: object | undefined;
  #first: IteratorResult<unknown> | undefined;
  #surrogate = "";
  #ended = false;
  #interrupt: (() => void) | undefined;
  #unwatch: (() => void) | undefined;

  /**
   * @param timeout milliseconds that the source may be silent
   * @param failed is told when a stream fails that nobody reads yet: without a listener Node.js would end the process
   */
  constructor(data: MessageData, timeout: number, failed: (error: SmtpError) => void) {
    this.#data = data;
    this.#timeout = timeout;
    this.#failed = (cause) => failed(sourceFailed(cause));
    if (typeof data !== "function") this.#text = data;
    if (data instanceof Readable) this.#unwatch = watch(data, this.#failed);
  }

  /** Why the source can't be read at all, as far as can be told now. */
  get problem(): SmtpError | undefined {
    return this.#data instanceof Readable ? unreadable(this.#data) : undefined;
  }

  /** Opens the source and waits for its first octets, or its end. Rejects with what it failed with. */
  async prepare(): Promise<void> {
    const data = this.#data;
    const text: unknown = typeof data === "function" ? await this.#inTime(this.#call(data)) : data;
    if (!isText(text))
      throw new TypeError(`the data function returned ${shownValue(text)}, which is no text`);
    this.#text = text;
    if (this.#ended) {
      this.close(); // nobody wants it any more
    } else if (text instanceof Readable) {
      this.#unwatch ??= watch(text, this.#failed);
      const problem = unreadable(text);
      if (problem !== undefined) throw problem;
      this.#take(text);
      const first = firstOctets(text);
      await this.#inTime(first.come, first.forget);
      // Looking for the first octets of an empty stream ends it.
      if (text.readableEnded && !text.readableDidRead) this.#text = "";
      else if (!this.#ended) this.#watchClose(text);
    } else if (typeof text === "object" && Symbol.asyncIterator in text) {
      const iterator = text[Symbol.asyncIterator]();
      this.#take(iterator);
      this.#iterator = iterator;
      this.#first = await this.#inTime(this.#pull(iterator));
    }
  }

  /** Until it is read: a stream that is destroyed before costs only its message. */
  #watchClose(stream: Readable): void {
    const closed = (): void => {
      const problem = unreadable(stream);
      if (problem !== undefined) this.#failed(problem);
    };
    const unwatch = this.#unwatch;
    stream.on("close", closed);
    this.#unwatch = () => {
      stream.off("close", closed);
      unwatch?.();
    };
    if (stream.destroyed) closed();
  }

  /** A generator is its own iterator, so it can be taken once, like a stream. */
  #take(once: object): void {
    if (taken.has(once)) throw consumed();
    taken.add(once);
    this.#taken = once;
  }

  async #pull(iterator: AsyncIterator<unknown>): Promise<IteratorResult<unknown>> {
    return iterator.next();
  }

  /** The next block, or undefined at the end, also at that which close() makes. */
  async next(): Promise<Uint8Array | undefined> {
    const text = this.#text;
    if (this.#ended || text === undefined) return undefined;
    if (typeof text === "string" || isUint8Array(text)) {
      this.#ended = true;
      return inMemory(text);
    }
    if (text instanceof Readable) {
      // Since it was opened somebody else may have read it: another message with the same stream.
      const problem = this.#reading ? undefined : unreadable(text);
      if (problem !== undefined) throw problem;
      this.#reading = true;
      const block = await this.#read(text);
      if (block !== undefined) return this.#octets(block);
    } else {
      this.#iterator ??= text[Symbol.asyncIterator]();
      const result = this.#first ?? (await this.#inTime(this.#pull(this.#iterator)));
      this.#first = undefined;
      if (result !== undefined && !result.done) return this.#octets(result.value);
    }
    this.#ended = true;
    return this.#surrogate === "" ? undefined : Buffer.from(this.#surrogate, "utf8");
  }

  /** No more at a time than a block: a stream that holds several would copy them into one. */
  async #read(stream: Readable): Promise<unknown> {
    for (;;) {
      const block: unknown = stream.read(Math.min(stream.readableLength, TEXT_BLOCK_OCTETS));
      if (block !== null) return block;
      if (stream.readableEnded || this.#ended) return undefined;
      if (stream.errored) throw stream.errored;
      if (stream.destroyed) throw new Error("the stream closed early");
      const more = firstOctets(stream);
      await this.#inTime(more.come, more.forget);
    }
  }

  /** Lets go of the source. A stream of the caller's that was not read from stays as it is: it can be sent again. */
  close(): void {
    this.#ended = true;
    this.#interrupt?.();
    this.#unwatch?.();
    const text = this.#text;
    if (text instanceof Readable) {
      const another = this.#taken !== text && taken.has(text);
      if (this.#reading || (typeof this.#data === "function" && !another)) drop(text);
      else if (this.#taken === text) taken.delete(text);
    } else if (this.#iterator !== undefined) {
      // A source that fails to close has nothing to say to anybody any more.
      void Promise.resolve()
        .then(() => this.#iterator?.return?.())
        .catch(() => undefined);
    }
  }

  /** A stream that comes when nobody waits for it any more is closed. */
  async #call(open: () => unknown): Promise<unknown> {
    const text = await open();
    if (this.#ended && text instanceof Readable && !taken.has(text)) {
      watch(text, this.#failed)(); // for what it fails with later
      drop(text);
    }
    return text;
  }

  /** Waits for the source no longer than allowed, and not when it was closed meanwhile: then the value is undefined. */
  #inTime<T>(work: Promise<T>, forget?: () => void): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        forget?.();
        this.#interrupt = undefined;
      };
      const timer = setTimeout(() => {
        settle();
        const message = `The message's data was silent for ${this.#timeout} ms`;
        reject(new SmtpError("ESMTP_SOURCE_TIMEOUT", message));
      }, this.#timeout);
      this.#interrupt = () => {
        settle();
        resolve(undefined);
      };
      work.finally(settle).then(resolve, reject);
    });
  }

  /** A character may be cut in two between two strings. */
  #octets(value: unknown): Uint8Array {
    if (isUint8Array(value)) return value;
    if (typeof value !== "string")
      throw new TypeError(`the text has ${shownValue(value)} where octets were due`);
    const whole = this.#surrogate + value;
    this.#surrogate = HIGH_SURROGATE_END.test(whole) ? whole.slice(-1) : "";
    return Buffer.from(this.#surrogate === "" ? whole : whole.slice(0, -1), "utf8");
  }
}

/** Whether a text that was to be sent can be sent again: what a stream gave is gone. */
export function isReadable(data: MessageData): boolean {
  if (typeof data === "function" || inMemoryAlready(data)) return true;
  if (taken.has(data)) return false;
  // A generator is its own iterator.
  return !(data instanceof Readable) || unreadable(data) === undefined;
}

function inMemoryAlready(data: MessageData): data is string | Uint8Array {
  return typeof data === "string" || isUint8Array(data);
}

/** A stream that waits may fail: without a listener Node.js would end the process. It is met when its turn comes. */
export function guardWaiting(data: MessageData): void {
  if (data instanceof Readable) watch(data, () => undefined)();
}

/** The error for a text that can't be had, or not to its end. */
export function sourceFailed(cause: unknown): SmtpError {
  if (cause instanceof SmtpError) return cause;
  return new SmtpError("ESMTP_SOURCE_FAILED", `The message's data could not be read: ${causeText(cause)}`, {
    cause,
  });
}

export function consumed(cause?: unknown): SmtpError {
  return new SmtpError(
    "ESMTP_SOURCE_CONSUMED",
    "The message's stream has been read from, or is another message's; give a function that opens it anew",
    { cause },
  );
}

function unreadable(stream: Readable): SmtpError | undefined {
  if (stream.errored) return sourceFailed(stream.errored);
  if (stream.readableDidRead || stream.readableEnded) {
    return consumed();
  }
  return stream.destroyed ? sourceFailed(new Error("the stream was destroyed")) : undefined;
}

/** Tells of a stream's failure. Returns what ends that. */
function watch(stream: Readable, failed: Failed): () => void {
  const watching = watchers.get(stream) ?? new Set<Failed>();
  if (!watchers.has(stream)) {
    stream.on("error", (cause) => {
      for (const tell of watching) tell(cause);
    });
    watchers.set(stream, watching);
  }
  watching.add(failed);
  return () => {
    watching.delete(failed);
  };
}

function drop(stream: Readable): void {
  try {
    stream.destroy();
  } catch {
    // A source that fails to close has nothing to say to anybody any more.
  }
}

/** `come` fulfils when a stream has something to read, without reading it; `forget` stops waiting. */
function firstOctets(stream: Readable): { come: Promise<void>; forget: () => void } {
  if (stream.readableLength > 0) return { come: Promise.resolve(), forget: () => undefined };
  let forget = (): void => undefined;
  const come = new Promise<void>((resolve, reject) => {
    const settle = (cause?: unknown): void => {
      forget();
      if (cause instanceof Error) reject(cause);
      else resolve();
    };
    const closed = (): void =>
      settle(stream.readableEnded ? undefined : new Error("the stream closed early"));
    stream.on("readable", settle).on("end", settle).on("error", settle).on("close", closed);
    forget = () => {
      stream.off("readable", settle).off("end", settle).off("error", settle).off("close", closed);
    };
  });
  return { come, forget };
}
