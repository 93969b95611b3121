import type { Pipeline } from "../pipeline/pipeline.ts";
import { eightBitAllowed, type Transaction } from "../pipeline/transaction.ts";
import { SmtpError } from "../protocol/errors.ts";
import { TEXT_BLOCK_OCTETS } from "../protocol/limits.ts";
import { CanonicalText, type LineEndings } from "../protocol/text.ts";
import { now } from "./clock.ts";
import { contradiction } from "./message.ts";
import type { Outbox } from "./outbox.ts";
import { sourceFailed, TextSource } from "./source.ts";
import type { Transport } from "./transport.ts";

/** How long octets of a slow source wait for company before they are sent: milliseconds. */
const HOLD = 1_000;

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
  #batch: Uint8Array[] = [];
  #batchOctets = 0;
  #streaming = false;

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
    if (this.#streaming) return;
    while (!this.#transport.full) {
      const due = this.#pipeline.next(now());
      if (due === undefined) break;
      if (typeof due === "string") this.#add(Buffer.from(due, "utf8"));
      else if (!this.#writeWhole(due)) break;
    }
    this.#flush();
    this.#pipeline.turnOver();
  }

  /** A text that is in memory and fits in one write goes at once; any other as a stream. */
  #writeWhole(transaction: Transaction): boolean {
    const { octets, source } = this.#outbox.get(transaction) ?? {};
    if (octets === undefined || octets.length > TEXT_BLOCK_OCTETS) {
      this.#streaming = true;
      void this.#stream(
        transaction,
        source ?? new TextSource(octets ?? "", this.#sourceTimeout, () => undefined),
      );
      return false;
    }
    const transform = new CanonicalText(this.#lineEndings, true);
    this.#addText(transform.push(octets));
    this.#addText(transform.end());
    this.#add(Buffer.from(this.#pipeline.endText(transaction, now()), "latin1"));
    return true;
  }

  /** Never rejects: what goes wrong is a fate. */
  async #stream(transaction: Transaction, source: TextSource): Promise<void> {
    const transform = new CanonicalText(this.#lineEndings, true);
    let complete = false;
    try {
      await this.#streamBlocks(transaction, source, transform);
      complete = this.#pipeline.writingText(transaction);
    } catch (cause) {
      this.#drop();
      this.#pipeline.failText(transaction, sourceFailed(cause), now());
    }
    this.#streaming = false;
    // The last block, the terminator and what follows behind it leave together.
    if (complete) this.#add(Buffer.from(this.#pipeline.endText(transaction, now()), "latin1"));
    else this.#drop();
    this.#turn();
  }

  async #streamBlocks(transaction: Transaction, source: TextSource, transform: CanonicalText): Promise<void> {
    const eightBit = eightBitAllowed(transaction.text, this.#pipeline.capabilities);
    for (;;) {
      const hold = setTimeout(() => {
        this.#flush();
        this.#turn();
      }, HOLD);
      const block = await source.next().finally(() => clearTimeout(hold));
      if (block === undefined || !this.#pipeline.writingText(transaction)) break;
      for (let at = 0; at < block.length; at += TEXT_BLOCK_OCTETS) {
        this.#addText(transform.push(block.subarray(at, at + TEXT_BLOCK_OCTETS)));
        if (transform.eightBit && !eightBit) throw undeclared("it has octets above 127");
        if (this.#batchOctets < TEXT_BLOCK_OCTETS) continue;
        this.#flush();
        if (this.#transport.full) this.#turn(); // sets the deadline for a network that takes no more
        await this.#transport.room();
        if (!this.#pipeline.writingText(transaction)) return;
      }
    }
    this.#addText(transform.end());
    const broken = contradiction(transaction.text, transform);
    if (broken !== undefined) throw undeclared(broken.message);
  }

  #add(octets: Uint8Array): void {
    if (octets.length === 0) return;
    this.#batch.push(octets);
    this.#batchOctets += octets.length;
    if (this.#batchOctets > 2 * TEXT_BLOCK_OCTETS) this.#flush();
  }

  #addText(octets: Uint8Array): void {
    this.#pipeline.textWritten(octets.length, now());
    this.#add(octets);
  }

  #flush(): void {
    const batch = this.#batch;
    this.#drop();
    this.#transport.write(batch);
  }

  #drop(): void {
    this.#batch = [];
    this.#batchOctets = 0;
  }
}

/** The text is not what the server was told, or could be told, of it. */
function undeclared(what: string): SmtpError {
  return new SmtpError("ESMTP_SOURCE_FAILED", `The text is not what was declared to the server: ${what}`, {
    cause: new Error(what),
  });
}
