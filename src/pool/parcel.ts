import { failed, type RecipientFailed, type RecipientResult } from "../pipeline/fate.ts";
import type { Transaction } from "../pipeline/transaction.ts";
import type { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Batch } from "../session/backlog.ts";
import { assembleDelivery, type Delivery, type MadeMessage, type Message } from "../session/message.ts";
import type { SmtpSession } from "../session/session.ts";
import { consumed, isReadable } from "../session/source.ts";

/** Whether a fate is one of the connection, and certainly none of the server's: another connection may do better. */
export function isConnections(result: {
  readonly stage: string;
  readonly retryable?: boolean;
}): result is RecipientFailed {
  return result.stage === "connection" && result.retryable === true;
}

/** A message in a pool, through all its attempts. */
export class Parcel {
  /** The message, whole. */
  readonly message: Message;
  readonly id: string;
  readonly seq: number;
  readonly queuedAt: number;
  /** Octets of its text in memory. */
  readonly octets: number;
  readonly flow: object;
  readonly batch: Batch;
  readonly settled: (delivery: Delivery) => void;
  /** What its next attempt sends, or its present one. */
  made: MadeMessage;
  /** Attempts of which something was written. */
  attempts = 0;
  /** The session that has it now. */
  session: SmtpSession | undefined;
  /** Its present attempt is for all of its recipients: that attempt's delivery may be its own. */
  whole = true;
  /** It was aborted: what a session still does with it counts, and nothing is tried again. */
  unwanted = false;
  /** Its fate is known. */
  over = false;
  /** Stops listening to its signal, while it waits. */
  forget: (() => void) | undefined;
  startedAt: number | undefined;
  bytes = 0;
  accepted = 0;
  #reply: Reply | undefined;
  #error: SmtpError | undefined;
  /** By place in `to`. */
  readonly #results: (RecipientResult | undefined)[];
  /** The places of the recipients of the present attempt; undefined: all. */
  #places: readonly number[] | undefined;

  constructor(init: {
    made: MadeMessage;
    flow: object;
    batch: Batch;
    settled: (delivery: Delivery) => void;
  }) {
    const { made, flow, batch, settled } = init;
    const { transaction, message, octets } = made;
    this.message = message;
    this.id = transaction.id;
    this.seq = transaction.seq;
    this.queuedAt = transaction.queuedAt;
    this.octets = octets?.length ?? 0;
    this.flow = flow;
    this.batch = batch;
    this.settled = settled;
    this.made = made;
    this.#results = new Array<RecipientResult | undefined>(transaction.recipients.length).fill(undefined);
  }

  /** An attempt is over: counts what it did. */
  attempted({ startedAt, bytes, recipients }: Transaction): void {
    if (startedAt !== undefined) this.attempts++;
    this.startedAt ??= startedAt;
    this.bytes += bytes;
    for (const { accepted } of recipients) if (accepted !== undefined) this.accepted++;
  }

  /** Books what an attempt brought. Returns how many of its recipients failed with the connection: they are left open. */
  book({ recipients, reply, error }: Delivery): number {
    this.#reply = reply;
    this.#error = error;
    const left: number[] = [];
    recipients.forEach((result, i) => {
      const place = this.#places?.[i] ?? i;
      if (isConnections(result)) left.push(place);
      else this.#results[place] = result;
    });
    this.#places = left;
    return left.length;
  }

  /** Recipients of its next attempt. */
  get open(): number {
    return this.made.transaction.recipients.length;
  }

  /** Whether the text can be sent once more. */
  get readable(): boolean {
    return isReadable(this.message.data);
  }

  /** The message to those that are left, for another attempt. */
  remainder(): Message {
    this.whole = false;
    const { to } = this.message;
    const all = Array.isArray(to) ? to : [to];
    const places = this.#places ?? all.keys();
    return { ...this.message, id: this.id, to: [...places].map((place) => all[place]) };
  }

  /** Gives those that are left their fate. Returns it. */
  fail(stage: "connection" | "aborted", error: SmtpError): RecipientFailed[] {
    const { to } = this.message;
    const all = Array.isArray(to) ? to : [to];
    this.#error = error;
    const results: RecipientFailed[] = [];
    all.forEach((recipient: { readonly address: string }, place) => {
      if (this.#results[place] !== undefined) return;
      const result = failed(recipient.address, stage, error);
      this.#results[place] = result;
      results.push(result);
    });
    return results;
  }

  /** What those that are left failed with: that of the connection, or that the text is gone. */
  lost(error: SmtpError): SmtpError {
    return this.readable ? error : consumed(error);
  }

  get delivery(): Delivery {
    const recipients = this.#results.filter((result) => result !== undefined);
    return assembleDelivery(this.message, {
      id: this.id,
      recipients,
      reply: this.#reply,
      error: this.#error,
    });
  }
}
