import { forwardPathProblem, reversePathProblem } from "../protocol/address.ts";
import { SmtpError } from "../protocol/errors.ts";
import { type Reply, replyClass } from "../protocol/reply.ts";
import { type FailureStage, failed, type RecipientResult, refused, succeeded, unknown } from "./fate.ts";
import type { PipelineObserver } from "./observer.ts";
import type { Recipient, Transaction } from "./transaction.ts";

/** Books fates on recipients, each once, and tells. Which fate it is, fate.ts says. */
export class Settlement {
  readonly #observer: PipelineObserver;

  constructor(observer: PipelineObserver) {
    this.#observer = observer;
  }

  /** Gives one recipient its fate, unless it has one: the first decision stands. */
  one(transaction: Transaction, recipient: Recipient, result: RecipientResult): void {
    if (recipient.result !== undefined) return;
    recipient.result = result;
    transaction.group?.recipients[result.status].push(recipient.address);
    this.#observer.recipientSettled(transaction, result);
  }

  /** The recipients of the text share a fate that an error decided. */
  byError(transaction: Transaction, error: SmtpError, fate: (address: string) => RecipientResult): void {
    if (this.#settle(transaction, accepted, fate)) transaction.error ??= error;
  }

  /**
   * The text went out to its end, and what became of it can't be said any more: unknown for all whom it may have been for.
   * @param misread the replies may have been taken for others', so no refusal counts
   */
  lost(transaction: Transaction, error: SmtpError, misread: boolean): void {
    // What waited for the replies to RCPT knows whom its text was for.
    if (transaction.form !== "burst" || transaction.waits) {
      this.byError(transaction, error, (address) => unknown(address, error));
      return;
    }
    if (!misread) this.refusals(transaction, "all");
    const settled = this.#settle(
      transaction,
      ({ asked }) => asked === true,
      (address) => unknown(address, error),
    );
    if (settled) transaction.error ??= error;
  }

  /** All whose fate is open failed. */
  failed(transaction: Transaction, stage: FailureStage, error: SmtpError): void {
    if (this.#settle(transaction, all, (address) => failed(address, stage, error)))
      transaction.error ??= error;
  }

  /** A reply refused all whose fate is open, for the sender's sake; or the recipients of the text. */
  refused(transaction: Transaction, stage: "mail" | "data" | "message", reply: Reply): void {
    const whom = stage === "mail" ? all : accepted;
    // What settles nobody decided nothing: a DATA refused because every RCPT, or MAIL, had been.
    if (this.#settle(transaction, whom, (address) => refused(address, stage, reply)))
      transaction.reply = reply;
  }

  /**
   * The refusals of RCPT that were kept back: behind a text until it is sure whose they are, or because there may have
   * been one recipient too many.
   * @param whose `"certain"` leaves the latter, whom a further transaction may take
   */
  refusals(transaction: Transaction, whose: "all" | "certain"): void {
    for (const recipient of transaction.recipients) {
      const { address, refusal, oneTooMany } = recipient;
      if (refusal === undefined || (oneTooMany && whose === "certain")) continue;
      this.one(transaction, recipient, refused(address, "rcpt", refusal));
    }
  }

  /** The text was taken: the accepted recipients get it. */
  succeeded(transaction: Transaction, reply: Reply): void {
    transaction.reply = reply;
    this.#settle(transaction, accepted, (address) => succeeded(address, reply));
  }

  /** LMTP: the text was answered for one recipient. */
  answered(transaction: Transaction, recipient: Recipient, reply: Reply): void {
    const { address } = recipient;
    this.one(
      transaction,
      recipient,
      replyClass(reply) === 2 ? succeeded(address, reply) : refused(address, "message", reply),
    );
  }

  /** LMTP: the text was answered for all. The last reply speaks for the message where all said the same. */
  answeredForAll(transaction: Transaction, last: Reply): void {
    const alike = transaction.recipients.every(({ accepted, result }) => {
      if (accepted === undefined || result === undefined || result.status === "unknown") return true;
      return result.reply === undefined || replyClass(result.reply) === replyClass(last);
    });
    if (alike) transaction.reply = last;
  }

  /** `requireAllRecipients`, and one can't have it: the refused keep their refusal, the others go without. */
  notAll(transaction: Transaction): void {
    const error = new SmtpError(
      "ESMTP_NOT_ALL_ACCEPTED",
      "Not every recipient was accepted, and the message requires all; its text was not sent",
      { retryable: true },
    );
    this.failed(transaction, "aborted", error);
  }

  /** Refuses what is unfit to be sent: a recipient costs itself, the sender or the text costs the message. */
  invalid(transaction: Transaction): void {
    const problem = reversePathProblem(transaction.from);
    const error =
      problem === undefined ? transaction.text.unfit : invalidAddress("from", transaction.from, problem);
    if (error !== undefined) {
      this.failed(transaction, "invalid", error);
      return;
    }
    transaction.recipients.forEach((recipient, i) => {
      const unfit = forwardPathProblem(recipient.address);
      const reason =
        unfit === undefined ? recipient.unfit : invalidAddress(`to[${i}]`, recipient.address, unfit);
      if (reason !== undefined)
        this.one(transaction, recipient, failed(recipient.address, "invalid", reason));
    });
  }

  /** Whether nothing is left to send: no recipient is open, or one is lost and all are required. */
  settledBeforeSending(transaction: Transaction): boolean {
    const lost = transaction.recipients.some(({ result }) => result !== undefined);
    if (lost && transaction.requireAllRecipients) this.notAll(transaction);
    return transaction.recipients.every(({ result }) => result !== undefined);
  }

  /** No more of it: tells that the transaction is over. */
  conclude(transaction: Transaction, now: number): void {
    if (transaction.stage === "over") return;
    transaction.stage = "over";
    // A group has exchanges of the next transaction too: who keeps one would keep all that follow.
    transaction.group = undefined;
    this.#observer.transactionEnd(transaction, now);
  }

  /** Settles those whose fate is open. Returns whether there were any. */
  #settle(
    transaction: Transaction,
    whom: (recipient: Recipient) => boolean,
    fate: (address: string) => RecipientResult,
  ): boolean {
    let settled = false;
    for (const recipient of transaction.recipients) {
      if (recipient.result !== undefined || !whom(recipient)) continue;
      this.one(transaction, recipient, fate(recipient.address));
      settled = true;
    }
    return settled;
  }
}

function all(): boolean {
  return true;
}

/** Those whom RCPT accepted in the transaction that is decided: others may be left for a further one. */
function accepted(recipient: Recipient): boolean {
  return recipient.accepted !== undefined;
}

function invalidAddress(field: string, address: string, problem: string): SmtpError {
  return new SmtpError(
    "ESMTP_INVALID_ADDRESS",
    `${field}: ${JSON.stringify(address)} is no address: ${problem}`,
  );
}
