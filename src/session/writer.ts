import { setImmediate as nextTurn } from "node:timers/promises";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { eightBitAllowed, type Transaction } from "../pipeline/transaction.ts";
import { SmtpError } from "../protocol/errors.ts";
import { CHUNK_OCTETS, TEXT_BLOCK_OCTETS } from "../protocol/limits.ts";
import { BinaryText, CanonicalText, type LineEndings, type TextTransform } from "../protocol/text.ts";
import { Batch } from "./batch.ts";
import { now } from "./clock.ts";
import { contradiction } from "./message.ts";
import type { Outbox } from "./outbox.ts";
import { sourceFailed, TextSource } from "./source.ts";
import type { Transport } from "./transport.ts";

/** How long octets of a slow source wait for company before they are sent: milliseconds. */
const HOLD = 1_000;

/** So much of a text is written at a stretch where source and network never make it wait: a millisecond or two. */
const TURN_OCTETS = 1_048_576;

/**
 * Pulls what may be written out of the pipeline and puts it on the wire in few large writes: a small text, its
 * terminator and what follows behind it in one; a large one block by block, as fast as the network takes it.
 */
export class Writer {
  readonly #pipeline: Pipeline;
  readonly #outbox: Outbox;
  readonly #transport: Transport;
  readonly #lineEndings: LineEndings;
  readonly #sourceTimeout: number;
  readonly #turn: () => void;
  readonly #batch = new Batch();
  /** Octets of a stream that are not announced yet: their number has to stand before them. */
  #chunk: Uint8Array[] = [];
  #chunkOctets = 0;
  #streaming = false;
  /** Called with every turn, while a chunk waits for the reply to the one before. */
  #answered: () => void = () => undefined;

  /** @param turn is called when a stream has changed the pipeline */
  constructor(
    pipeline: Pipeline,
    outbox: Outbox,
    transport: Transport,
    options: { lineEndings: LineEndings; timeouts: { text: number } },
    turn: () => void,
  ) {
    this.#pipeline = pipeline;
    this.#outbox = outbox;
    this.#transport = transport;
    this.#lineEndings = options.lineEndings;
    this.#sourceTimeout = options.timeouts.text;
    this.#turn = turn;
  }

  /** Writes what is due. */
  pump(): void {
    if (this.#streaming) {
      this.#answered();
      return;
    }
    let brokenOff = false;
    // A write that is being composed is made whole: what may stand behind a text leaves with its end.
    while (!brokenOff && (!this.#transport.full || this.#batch.octets > 0)) {
      const time = now();
      const due = this.#pipeline.next(time);
      if (due === undefined) break;
      if (typeof due === "string") this.#addLines(due);
      else if (!this.#writeWhole(due, time)) break;
      // But for bursts: there what is behind may come later, and there may be a window of it.
      else brokenOff = due.form === "burst" && this.#transport.full;
    }
    this.#flush();
    this.#pipeline.turnOver(now(), brokenOff);
  }

  /** A text that is in memory and fits in one write goes at once; any other as a stream. */
  #writeWhole(transaction: Transaction, time: number): boolean {
    const { octets, source } = this.#outbox.get(transaction) ?? {};
    if (octets === undefined || octets.length > TEXT_BLOCK_OCTETS) {
      this.#streaming = true;
      void this.#stream(
        transaction,
        source ?? new TextSource(octets ?? "", this.#sourceTimeout, () => undefined),
      );
      return false;
    }
    if (transaction.form !== "data" && transaction.text.size === octets.length) {
      // Measured when it was queued: it is canonical, and passes as it is.
      this.#announce(transaction, octets.length, true, time);
      this.#addText(octets, time);
    } else {
      const transform = this.#transform(transaction);
      const text = transform.push(octets);
      const end = transform.end();
      if (transaction.form !== "data") this.#announce(transaction, text.length + end.length, true, time);
      this.#addText(text, time);
      this.#addText(end, time);
    }
    this.#addLines(this.#pipeline.endText(transaction, time));
    return true;
  }

  #transform({ text, form }: Transaction): TextTransform {
    return text.body === "BINARYMIME"
      ? new BinaryText()
      : new CanonicalText(this.#lineEndings, form === "data");
  }

  #announce(transaction: Transaction, octets: number, last: boolean, time: number = now()): void {
    this.#addLines(this.#pipeline.announce(transaction, octets, last, time));
  }

  /** Never rejects: what goes wrong is a fate. */
  async #stream(transaction: Transaction, source: TextSource): Promise<void> {
    let complete = false;
    try {
      await this.#streamBlocks(transaction, source, this.#transform(transaction));
      complete = this.#pipeline.writingText(transaction);
    } catch (cause) {
      this.#drop();
      this.#pipeline.failText(transaction, sourceFailed(cause), now());
    }
    this.#streaming = false;
    // The last block, the terminator and what follows behind it leave together.
    if (complete) this.#addLines(this.#pipeline.endText(transaction, now()));
    else this.#drop();
    this.#turn();
  }

  async #streamBlocks(transaction: Transaction, source: TextSource, transform: TextTransform): Promise<void> {
    const { text, form } = transaction;
    const eightBit = eightBitAllowed(text, this.#pipeline.capabilities);
    // What is in memory has been measured: it goes in one chunk, however it is cut into writes.
    const oneChunk = form !== "data" && text.whole && text.size !== undefined;
    const chunks = form !== "data" && !oneChunk;
    if (oneChunk) this.#announce(transaction, text.size ?? 0, true);
    let turnAt = transaction.bytes + TURN_OCTETS;
    const add = (octets: Uint8Array): void => (chunks ? this.#hold(octets) : this.#addText(octets));
    for (;;) {
      const hold = setTimeout(() => {
        if (chunks && this.#chunkOctets > 0 && this.#pipeline.mayAnnounce) this.#sendHeld(transaction);
        this.#flush();
        this.#turn();
      }, HOLD);
      const block = await source.next().finally(() => clearTimeout(hold));
      if (!this.#pipeline.writingText(transaction)) return;
      if (block === undefined) break;
      for (let at = 0; at < block.length; at += TEXT_BLOCK_OCTETS) {
        add(transform.push(block.subarray(at, at + TEXT_BLOCK_OCTETS)));
        if (transform.eightBit && !eightBit) throw undeclared("it has octets above 127");
        if (oneChunk && transform.size > (text.size ?? 0))
          throw undeclared("it has changed since it was queued");
        // The last octets of what was announced as the last leave with the RSET behind them: once they are out the server
        // may answer, and the text has to be known as ended.
        if (oneChunk && transform.size === text.size) continue;
        if (this.#chunkOctets >= CHUNK_OCTETS) {
          await this.#chunkMayGo(transaction);
          if (!this.#pipeline.writingText(transaction)) return;
          this.#sendChunk(transaction, false);
        } else if (this.#batch.octets >= TEXT_BLOCK_OCTETS) {
          this.#flush();
        } else {
          continue;
        }
        if (this.#transport.full) this.#turn(); // sets the deadline for a network that takes no more
        await this.#transport.room();
        // However fast source and network are, replies are read, and others have their turn.
        if (transaction.bytes >= turnAt) {
          await nextTurn();
          turnAt = transaction.bytes + TURN_OCTETS;
        }
        if (!this.#pipeline.writingText(transaction)) return;
      }
    }
    add(transform.end());
    const broken = contradiction(text, transform);
    if (broken !== undefined) throw undeclared(broken.message);
    if (!chunks) return;
    await this.#chunkMayGo(transaction);
    if (this.#pipeline.writingText(transaction)) this.#sendChunk(transaction, true);
  }

  #hold(octets: Uint8Array): void {
    if (octets.length === 0) return;
    this.#chunk.push(octets);
    this.#chunkOctets += octets.length;
  }

  /** Sends what is held as one chunk; the last one may be empty, where the end was not foreseen. */
  #sendChunk(transaction: Transaction, last: boolean): void {
    const blocks = this.#chunk;
    this.#announce(transaction, this.#chunkOctets, last);
    this.#chunk = [];
    this.#chunkOctets = 0;
    for (const block of blocks) this.#addText(block);
    // At once: what was announced has to follow, whatever becomes of the rest.
    if (!last) this.#flush();
  }

  /** Waits until a chunk may follow what was written, or the text is over. */
  async #chunkMayGo(transaction: Transaction): Promise<void> {
    while (this.#pipeline.writingText(transaction) && !this.#pipeline.mayAnnounce) {
      this.#turn(); // sets the deadline for the reply
      await new Promise<void>((resolve) => {
        this.#answered = resolve;
      });
    }
  }

  /** Nobody waits for this: what goes wrong is a fate here too. */
  #sendHeld(transaction: Transaction): void {
    try {
      this.#sendChunk(transaction, false);
    } catch (cause) {
      this.#drop();
      this.#pipeline.failText(transaction, sourceFailed(cause), now());
    }
  }

  #addLines(lines: string): void {
    this.#batch.addLines(lines);
    this.#flushIfMuch();
  }

  #addText(octets: Uint8Array, time: number = now()): void {
    this.#pipeline.textWritten(octets.length, time);
    this.#batch.addOctets(octets);
    this.#flushIfMuch();
  }

  #flushIfMuch(): void {
    if (this.#batch.octets > 2 * TEXT_BLOCK_OCTETS) this.#flush();
  }

  #flush(): void {
    if (this.#batch.octets > 0) this.#transport.write(this.#batch.take());
  }

  #drop(): void {
    this.#batch.take();
    this.#chunk = [];
    this.#chunkOctets = 0;
  }
}

/** The text is not what the server was told, or could be told, of it. */
function undeclared(what: string): SmtpError {
  return new SmtpError("ESMTP_SOURCE_FAILED", `The text is not what was declared to the server: ${what}`, {
    cause: new Error(what),
  });
}
