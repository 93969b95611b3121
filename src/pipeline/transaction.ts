import { octets } from "../protocol/address.ts";
import type { Capabilities, ServerLimits } from "../protocol/capabilities.ts";
import { type BodyType, type EnvelopeParameters, mailLine, rcptLine } from "../protocol/command.ts";
import type { DsnRcptParameters } from "../protocol/dsn.ts";
import type { SmtpError } from "../protocol/errors.ts";
import { type Reply, replyClass } from "../protocol/reply.ts";
import { needsUtf8, offersUtf8, pathFor } from "./extensions.ts";
import type { RecipientResult } from "./fate.ts";
import type { Group } from "./group.ts";

/** One entry of a message's `to`. */
export interface Recipient {
  readonly address: string;
  /** The same with the domain in A-labels, where {@link address} is beyond ASCII and can be said so. */
  readonly asciiAddress?: string | undefined;
  /** What is asked of the server about notifications. */
  readonly dsn?: DsnRcptParameters | undefined;
  /** Why that can't be asked. */
  readonly unfit?: SmtpError | undefined;
  /** The reply that accepted it, until the message's text decides. */
  accepted?: Reply | undefined;
  /** The reply that refused it, while it is not sure yet what that means for it: see `Settlement.refusals()`. */
  refusal?: Reply | undefined;
  /** That refusal may say that the transaction has recipients enough: a further one may take this recipient. */
  oneTooMany?: boolean | undefined;
  /** RCPT was written to it in this round. */
  asked?: boolean | undefined;
  /** Its fate; once set it stays. */
  result?: RecipientResult | undefined;
}

/** A recipient of whom nothing is known yet. All fields are there from the start: objects of one shape are fast. */
export function newRecipient({
  address,
  asciiAddress,
  dsn,
  unfit,
}: Pick<Recipient, "address" | "asciiAddress" | "dsn" | "unfit">): Recipient {
  return {
    address,
    asciiAddress,
    dsn,
    unfit,
    accepted: undefined,
    refusal: undefined,
    oneTooMany: undefined,
    asked: undefined,
    result: undefined,
  };
}

/** What is known of a text before it is sent. */
export interface TextDeclaration {
  /** Octets: of the canonical text if it is in memory, else as the caller declared; undefined if unknown. */
  readonly size?: number | undefined;
  /** Whether it has octets above 127; undefined if unknown. */
  readonly eightBit?: boolean | undefined;
  /** BODY as the caller declared it. */
  readonly body?: BodyType | undefined;
  /** Whether all of it is in memory. */
  readonly whole?: boolean | undefined;
  /** Why the text, or what was declared of it, can't be sent at all. */
  readonly unfit?: SmtpError | undefined;
}

/**
 * How a text is sent:
 * - `"data"`: DATA, and behind its 354 the text with its "."
 * - `"strict"`: BDAT once all RCPT are answered; what its reply says stands
 * - `"burst"`: BDAT right behind the envelope, and RSET right behind it, whose reply shows that both sides are in step
 */
export type TextForm = "data" | "strict" | "burst";

/**
 * Where a transaction stands:
 * `queued` (nothing written, or everything undone), `envelope` (some of MAIL RCPT DATA written),
 * `go` (the text is due), `text` (being written), `terminated` (its end was written), `over` (settled).
 */
export type TransactionStage = "queued" | "envelope" | "go" | "text" | "terminated" | "over";

/**
 * A mail transaction, RFC 5321 §3.3, as the pipeline sees it. Only the pipeline changes it. A message with more recipients
 * than the server takes at once is one Transaction too: it goes through its stages again for those that are left.
 */
export class Transaction {
  readonly id: string;
  /** Its number in the session, from 1. */
  readonly seq: number;
  readonly from: string;
  /** The same with the domain in A-labels, where {@link from} is beyond ASCII and can be said so. */
  readonly asciiFrom: string | undefined;
  readonly recipients: readonly Recipient[];
  readonly text: TextDeclaration;
  readonly requireAllRecipients: boolean;
  /** Whether its text can be sent again, to recipients that are left over. */
  readonly rereadable: boolean;
  /** What is asked of the server beside. */
  readonly parameters: EnvelopeParameters;
  readonly queuedAt: number;

  stage: TransactionStage = "queued";
  form: TextForm = "data";
  /** Whether its text waits for the replies to RCPT. */
  waits = false;
  /** BDAT commands written and not answered. */
  chunksOwed = 0;
  /** BDAT commands written, and the octets that they announced. */
  chunks = 0;
  announced = 0;
  /** The reply to its chunks that decides, once the RSET behind it is answered: the first refusal, else that to LAST. */
  textReply: Reply | undefined;
  /** Whether its text can be had at once: until then its envelope waits. */
  ready = true;
  startedAt: number | undefined;
  /** Octets of text written, dot-stuffing and terminators included. */
  bytes = 0;
  /** Those that were written in earlier rounds. */
  earlierBytes = 0;
  mailReply: Reply | undefined;
  /** How many recipients, of how many domains, the server takes at once. */
  limits: Pick<ServerLimits, "recipients" | "domains"> = UNLIMITED;
  /** The recipient whose RCPT is written next. */
  nextRecipient = 0;
  /** Those that were refused as one too many in this round. */
  leftOver: Recipient[] = [];
  /** How many RCPT accepted in this round. */
  acceptedThisRound = 0;
  /** Why those that are left for a further round shall not have it. */
  abortion: SmtpError | undefined;
  /** RCPT commands written in this round, and the domains in them. */
  #asked = 0;
  #domains: Set<string> | undefined;
  /** MAIL, RCPT and DATA commands written and not answered. */
  unanswered = 0;
  mailWritten = false;
  dataWritten = false;
  /** Whether its envelope stands behind the text of another. */
  followsText = false;
  /** Whether the server accepted a RCPT behind a refused MAIL: it would deliver under another sender. */
  acceptedWithoutSender = false;
  /** The group that its latest command was written in. */
  group: Group | undefined;
  /** The reply that decided the message as a whole. */
  reply: Reply | undefined;
  /** The error that decided the message as a whole. */
  error: SmtpError | undefined;

  constructor(init: {
    id: string;
    seq: number;
    from: string;
    asciiFrom?: string | undefined;
    recipients: readonly Recipient[];
    text: TextDeclaration;
    requireAllRecipients: boolean;
    rereadable: boolean;
    parameters: EnvelopeParameters;
    queuedAt: number;
  }) {
    this.id = init.id;
    this.seq = init.seq;
    this.from = init.from;
    this.asciiFrom = init.asciiFrom;
    this.recipients = init.recipients;
    this.text = init.text;
    this.requireAllRecipients = init.requireAllRecipients;
    this.rereadable = init.rereadable;
    this.parameters = init.parameters;
    this.queuedAt = init.queuedAt;
  }

  /** Back to the start of the queue, for the recipients that have no fate yet: nothing was done for them. */
  rewind(): void {
    this.stage = "queued";
    this.earlierBytes = this.bytes;
    this.leftOver = [];
    this.acceptedThisRound = 0;
    this.#asked = 0;
    this.#domains = undefined;
    this.mailReply = undefined;
    this.nextRecipient = 0;
    this.unanswered = 0;
    this.mailWritten = false;
    this.dataWritten = false;
    this.form = "data";
    this.waits = false;
    this.chunksOwed = 0;
    this.chunks = 0;
    this.announced = 0;
    this.textReply = undefined;
    this.acceptedWithoutSender = false;
    this.followsText = false;
    for (const recipient of this.recipients) {
      if (recipient.result === undefined) recipient.accepted = undefined;
      recipient.refusal = undefined;
      recipient.oneTooMany = undefined;
      recipient.asked = undefined;
    }
  }

  /** Whether recipients may be left for a further transaction. */
  get splittable(): boolean {
    return this.rereadable && !this.requireAllRecipients;
  }

  /** Its text is due, and the server was told nothing of it yet. */
  get unannounced(): boolean {
    return this.stage === "text" && this.form !== "data" && this.chunks === 0;
  }

  /** MAIL was answered, and not with 2yz. */
  get mailRefused(): boolean {
    return this.mailReply !== undefined && replyClass(this.mailReply) !== 2;
  }

  /** Every recipient was accepted. */
  get allAccepted(): boolean {
    return this.recipients.every(({ accepted, result }) => accepted !== undefined && result === undefined);
  }

  /** Whether a recipient was accepted whose fate is open: somebody may receive the text. */
  get deliverable(): boolean {
    return this.recipients.some(receives);
  }

  /** Which recipients those are: their indexes. */
  get receiving(): number[] {
    return this.recipients.flatMap((recipient, i) => (receives(recipient) ? [i] : []));
  }

  /** Whether a recipient's fate is open. */
  get open(): boolean {
    return this.recipients.some(({ result }) => result === undefined);
  }

  /** The next recipient that RCPT is owed to in this round: not those whose fate is decided, nor more than fit in. */
  peekRecipient(): Recipient | undefined {
    if (this.#asked >= this.limits.recipients) return undefined;
    for (; this.nextRecipient < this.recipients.length; this.nextRecipient++) {
      const recipient = this.recipients[this.nextRecipient];
      if (recipient?.result === undefined && this.#hasRoomFor(recipient)) return recipient;
    }
    return undefined;
  }

  /** RCPT is written to the one that {@link peekRecipient} returns. Returns its index. */
  takeRecipient(): number {
    const recipient = this.peekRecipient();
    // Counted only where they are: it is one of the things that are done for each recipient.
    if (recipient !== undefined && this.limits.domains < Number.POSITIVE_INFINITY) {
      this.#domains ??= new Set();
      this.#domains.add(domainOf(recipient.address));
    }
    if (recipient !== undefined) recipient.asked = true;
    this.#asked++;
    return this.nextRecipient++;
  }

  #hasRoomFor(recipient: Recipient | undefined): boolean {
    const taken = this.#domains;
    if (taken === undefined || taken.size < this.limits.domains) return true;
    return recipient !== undefined && taken.has(domainOf(recipient.address));
  }
}

const UNLIMITED = { recipients: Number.POSITIVE_INFINITY, domains: Number.POSITIVE_INFINITY };

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase();
}

function receives({ accepted, result }: Recipient): boolean {
  return accepted !== undefined && result === undefined;
}

/** Whether the text may have octets above 127 on this connection. */
export function eightBitAllowed(text: TextDeclaration, capabilities: Capabilities): boolean {
  return text.body === "BINARYMIME" || (text.body !== "7BIT" && capabilities.has("8BITMIME"));
}

/** How many octets RSET, MAIL, RCPT and DATA take. */
export function envelopeOctets(transaction: Transaction, capabilities: Capabilities): number {
  return transaction.recipients.reduce(
    (sum, recipient) => sum + octets(rcptCommand(recipient, capabilities)) + 2,
    "RSET\r\nDATA\r\n".length + octets(mailCommand(transaction, capabilities)) + 2,
  );
}

/** The MAIL command with the parameters that the server offers. */
export function mailCommand(transaction: Transaction, capabilities: Capabilities): string {
  const { text, from, asciiFrom, parameters } = transaction;
  const body = text.body ?? (text.eightBit === false ? undefined : "8BITMIME");
  const bodyExtension = body === "BINARYMIME" ? "BINARYMIME" : "8BITMIME";
  return mailLine(pathFor({ address: from, asciiAddress: asciiFrom }, capabilities) ?? "", {
    size: offered(capabilities, "SIZE", text.size),
    body: offered(capabilities, bodyExtension, body),
    smtputf8: offersUtf8(capabilities) && needsUtf8(transaction),
    requireTls: offered(capabilities, "REQUIRETLS", parameters.requireTls),
    dsn: offered(capabilities, "DSN", parameters.dsn),
    deliverBy: offered(capabilities, "DELIVERBY", parameters.deliverBy),
    mtPriority: offered(capabilities, "MT-PRIORITY", parameters.mtPriority),
    hold: offered(capabilities, "FUTURERELEASE", parameters.hold),
  });
}

/** The RCPT command of one recipient with the parameters that the server offers. */
export function rcptCommand(recipient: Recipient | undefined, capabilities: Capabilities): string {
  const path = recipient && pathFor(recipient, capabilities);
  return rcptLine(path ?? "", offered(capabilities, "DSN", recipient?.dsn));
}

function offered<T>(capabilities: Capabilities, extension: string, value: T | undefined): T | undefined {
  return value !== undefined && capabilities.has(extension) ? value : undefined;
}
