import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Transaction } from "../pipeline/transaction.ts";
import { SmtpError } from "../protocol/errors.ts";
import { JOURNAL_AHEAD, JOURNAL_AHEAD_LEAST } from "../protocol/limits.ts";
import { causeText } from "./check.ts";
import { now } from "./clock.ts";
import type { BeginSending } from "./journal.ts";
import type { Entry, Outbox } from "./outbox.ts";
import { sourceFailed } from "./source.ts";

/** Makes messages ready to be sent when their turn comes: what a journal has to know is written, a source is opened. */
export class Readying {
  readonly #pipeline: Pipeline;
  readonly #outbox: Outbox;
  readonly #begin: BeginSending | undefined;
  readonly #turn: (change: () => void) => void;
  /** How many messages the journal is told of before their turn: as few as keep the connection from waiting for it. */
  #ahead = JOURNAL_AHEAD_LEAST;

  /** @param turn makes a change, and does what follows from it */
  constructor(
    pipeline: Pipeline,
    outbox: Outbox,
    begin: BeginSending | undefined,
    turn: (change: () => void) => void,
  ) {
    this.#pipeline = pipeline;
    this.#outbox = outbox;
    this.#begin = begin;
    this.#turn = turn;
  }

  /** Whether a message has to be made ready at all. */
  needed(octets: Uint8Array | undefined): boolean {
    return octets === undefined || this.#begin !== undefined;
  }

  /** Sees to the messages whose turn is next. Nothing is begun without a connection. */
  upcoming(connected: boolean): void {
    const most = this.#begin === undefined ? 1 : Math.floor(this.#ahead);
    this.#pipeline.upcoming(most).forEach((transaction, i) => {
      const entry = this.#outbox.get(transaction);
      if (entry === undefined) return;
      if (connected) this.#journal(transaction, entry);
      if (i === 0) this.#prepare(transaction, entry);
    });
  }

  #journal(transaction: Transaction, entry: Entry): void {
    if (this.#begin === undefined || entry.journal !== "unasked") return;
    entry.journal = "asked";
    this.#begin(entry.message, transaction.id, transaction.seq).then(
      () =>
        this.#turn(() => {
          entry.journal = "begun";
          this.#adapt(this.#pipeline.upcoming(1)[0] === transaction);
          this.#settle(transaction, entry);
        }),
      (cause) => this.#turn(() => this.#refused(transaction, cause)),
    );
  }

  /** A disk that is too slow is asked for more at once, one that is fast enough for less: what is begun early is unknown after a crash. */
  #adapt(waitedFor: boolean): void {
    this.#ahead = waitedFor
      ? Math.min(this.#ahead * 2, JOURNAL_AHEAD)
      : Math.max(this.#ahead - 1 / this.#ahead, JOURNAL_AHEAD_LEAST);
  }

  #refused(transaction: Transaction, cause: unknown): void {
    const error =
      cause instanceof SmtpError
        ? cause
        : new SmtpError("ESMTP_JOURNAL", `The journal failed: ${causeText(cause)}`, {
            retryable: true,
            cause,
          });
    if (error.retryable) this.#pipeline.abort(transaction, error, now());
    else this.#pipeline.failText(transaction, error, now());
  }

  #prepare(transaction: Transaction, entry: Entry): void {
    if (entry.source === undefined || entry.preparation !== "none") return;
    entry.preparation = "begun";
    const { source } = entry;
    source.prepare().then(
      () =>
        this.#turn(() => {
          if (entry.source !== source) return; // it was opened anew
          entry.preparation = "done";
          this.#settle(transaction, entry);
        }),
      (cause) => this.#turn(() => this.#pipeline.failText(transaction, sourceFailed(cause), now())),
    );
  }

  #settle(transaction: Transaction, { source, preparation, journal }: Entry): void {
    const journaled = this.#begin === undefined || journal === "begun";
    transaction.ready = journaled && (source === undefined || preparation === "done");
  }
}
