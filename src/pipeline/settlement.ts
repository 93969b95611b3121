import { forwardPathProblem, reversePathProblem } from "../protocol/address.ts";
import { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import { type FailureStage, failed, type RecipientResult, refused, succeeded } from "./fate.ts";
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

  /** The rest of the recipients share a fate that an error decided. */
  byError(transaction: Transaction, error: SmtpError, fate: (address: string) => RecipientResult): void {
    if (this.#rest(transaction, fate)) transaction.error ??= error;
  }

  /** {@link byError} with a failure. */
  failed(transaction: Transaction, stage: FailureStage, error: SmtpError): void {
    this.byError(transaction, error, (address) => failed(address, stage, error));
  }

  /** The rest of the recipients share a refusal. */
  refused(transaction: Transaction, stage: "mail" | "data" | "message", reply: Reply): void {
    // What settles nobody decided nothing: a DATA refused because every RCPT, or MAIL, had been.
    if (this.#rest(transaction, (address) => refused(address, stage, reply))) transaction.reply = reply;
  }

  /** The recipients that RCPT refused behind a text: by now it is sure whose refusals they were. */
  refusedBehindText(transaction: Transaction): void {
    if (!transaction.followsText) return;
    for (const recipient of transaction.recipients) {
      const { address, refusal } = recipient;
      if (refusal !== undefined) this.one(transaction, recipient, refused(address, "rcpt", refusal));
    }
  }

  /** The text was taken: the accepted recipients get it. */
  succeeded(transaction: Transaction, reply: Reply): void {
    transaction.reply = reply;
    this.#rest(transaction, (address) => succeeded(address, reply));
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
  #rest(transaction: Transaction, fate: (address: string) => RecipientResult): boolean {
    const open = transaction.recipients.filter(({ result }) => result === undefined);
    for (const recipient of open) this.one(transaction, recipient, fate(recipient.address));
    return open.length > 0;
  }
}

function invalidAddress(field: string, address: string, problem: string): SmtpError {
  return new SmtpError(
    "ESMTP_INVALID_ADDRESS",
    `${field}: ${JSON.stringify(address)} is no address: ${problem}`,
  );
}
