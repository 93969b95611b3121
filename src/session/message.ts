import type { Readable } from "node:stream";
import type {
  RecipientFailed,
  RecipientResult,
  RecipientSucceeded,
  RecipientUnknown,
} from "../pipeline/fate.ts";
import { newRecipient, type Recipient, type TextDeclaration, Transaction } from "../pipeline/transaction.ts";
import { hasControlCharacter } from "../protocol/address.ts";
import type { BodyType } from "../protocol/command.ts";
import { type NotifyCondition, orcptProblem } from "../protocol/dsn.ts";
import { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import { BareLineEnd, type LineEndings, measureText } from "../protocol/text.ts";
import * as check from "./check.ts";
import { asciiForm } from "./idna.ts";
import { type MessageParameters, PARAMETER_FIELDS, readParameters, unfitParameter } from "./parameters.ts";
import { inMemory, isDataSource } from "./source.ts";

/** A text: whole, as a stream, or as pieces. Strings are sent as UTF-8. */
export type MessageText = string | Uint8Array | Readable | AsyncIterable<string | Uint8Array>;

/** A text, or a function that returns one: called when its turn comes, so that nothing is open before. */
export type MessageData = MessageText | (() => MessageText | Promise<MessageText>);

/** One recipient: an address, or an object with one and with what is asked about notifications, RFC 3461. */
export type MessageRecipient =
  | string
  | {
      readonly address: string;
      /** When the sender is to be told: conditions, or `"NEVER"`. Default: what the server does, mostly on failure. */
      readonly notify?: "NEVER" | readonly NotifyCondition[] | undefined;
      /** The original recipient, for notifications: an address, or `type;address`. */
      readonly orcpt?: string | undefined;
    };

/** A message to be sent. */
export interface Message<T = unknown> extends MessageParameters {
  /** The reverse-path; `""` is the null reverse-path. */
  from: string;
  /** The forward-paths. */
  to: MessageRecipient | readonly MessageRecipient[];
  /** The text, headers included. Line ends become CRLF. In memory it is not copied: leave it alone until settled. */
  data: MessageData;
  /** Your own correlation id: on every event and result. Generated if absent. */
  id?: string | undefined;
  /** Anything of yours: comes back on the {@link Delivery} untouched. */
  tag?: T | undefined;
  /**
   * Octets of the text, for a text that is not in memory: declared to the server (RFC 1870). A text that turns out
   * to have neither so many octets as given nor so many in canonical form is not sent to its end.
   */
  size?: number | undefined;
  /** `"BINARYMIME"` passes untouched, RFC 3030. Default: what the text needs, and 8BITMIME for a stream where the server offers it (RFC 6152). */
  body?: BodyType | undefined;
  /** The text goes only if every recipient was accepted. Default false. */
  requireAllRecipients?: boolean | undefined;
  /** Aborts the message until its DATA is written; has no effect then. */
  signal?: AbortSignal | undefined;
}

/** What became of a message: each recipient is in exactly one of the three lists. */
export interface Delivery<T = unknown> {
  readonly id: string;
  readonly tag?: T;
  /** Every recipient succeeded. */
  readonly ok: boolean;
  readonly from: string;
  /** One result per entry of `to`, in order. */
  readonly recipients: readonly RecipientResult[];
  readonly succeeded: readonly RecipientSucceeded[];
  readonly failed: readonly RecipientFailed[];
  readonly unknown: readonly RecipientUnknown[];
  /**
   * The reply that decided the message as a whole: to its text, its DATA or its MAIL. LMTP: the last reply to its text,
   * where all were of one class (2yz, 4yz, 5yz); missing where they were not: then only the recipients' own say it.
   */
  readonly reply?: Reply;
  /** The error that decided it, where no reply did. */
  readonly error?: SmtpError;
}

const NOTIFY_CONDITIONS: readonly NotifyCondition[] = ["SUCCESS", "FAILURE", "DELAY"];

const MESSAGE_FIELDS: Record<keyof Message, check.Check> = {
  from: check.string,
  to: () => undefined,
  data: (value) =>
    isDataSource(value)
      ? undefined
      : "must be a string, a Uint8Array, a Readable, an AsyncIterable or a function",
  id: (value) => {
    if (typeof value !== "string" || value === "") return "must be a string of at least one character";
    return hasControlCharacter(value) ? "must have no control character" : undefined;
  },
  tag: () => undefined,
  size: check.integer(0),
  body: check.oneOf("7BIT", "8BITMIME", "BINARYMIME"),
  ...PARAMETER_FIELDS,
  requireAllRecipients: check.boolean,
  signal: check.signal,
};

const REQUIRED_FIELDS = ["from", "to", "data"] as const;

const RECIPIENT_FIELDS: Record<string, check.Check> = {
  address: check.string,
  notify: (value) => {
    if (value === "NEVER") return undefined;
    const conditions: unknown[] = Array.isArray(value) ? Array.from<unknown>(value) : [];
    const fit =
      conditions.length > 0 &&
      conditions.every((each) => NOTIFY_CONDITIONS.includes(each as NotifyCondition)) &&
      new Set(conditions).size === conditions.length;
    return fit ? undefined : 'must be "NEVER" or an array of "SUCCESS", "FAILURE" and "DELAY", each once';
  },
  orcpt: check.string,
};

type RecipientFields = Exclude<MessageRecipient, string>;

/** Checks the shape of a message, and copies it. @throws TypeError that names the field. */
function readMessage(given: unknown): Message & { readonly to: readonly RecipientFields[] } {
  const message = check.readRecord(given, MESSAGE_FIELDS, "message") as Partial<Message>;
  for (const field of REQUIRED_FIELDS) {
    if (message[field] === undefined) throw new TypeError(`message.${field} is missing`);
  }
  const { to } = message;
  if (Array.isArray(to) && to.length === 0) throw new TypeError("message.to has no recipient");
  // Array.from: a hole in an array is an entry too.
  const recipients = Array.from<unknown, RecipientFields>(Array.isArray(to) ? to : [to], (recipient, i) => {
    const field = Array.isArray(to) ? `message.to[${i}]` : "message.to";
    if (typeof recipient === "string") return { address: recipient };
    const read = check.readRecord(recipient, RECIPIENT_FIELDS, field) as Partial<RecipientFields>;
    const { address, notify } = read;
    if (address === undefined) throw new TypeError(`${field}.address is missing`);
    return { ...read, address, notify: typeof notify === "string" ? notify : notify?.slice() };
  });
  return Object.assign(message as Message, { to: recipients });
}

/** A recipient with what is asked about notifications to it, and why that can't be. */
function makeRecipient({ address, notify, orcpt }: RecipientFields, i: number): Recipient {
  const asciiAddress = asciiForm(address);
  if (notify === undefined && orcpt === undefined) return newRecipient({ address, asciiAddress });
  const problem = orcpt === undefined ? undefined : orcptProblem(orcpt);
  const unfit = problem === undefined ? undefined : unfitParameter(`to[${i}].orcpt`, orcpt, problem);
  return newRecipient({ address, asciiAddress, dsn: { notify, orcpt }, unfit });
}

/** A message that was read, and its transaction. */
export interface MadeMessage {
  readonly transaction: Transaction;
  /** A copy of what the caller gave. */
  readonly message: Message;
  /** The text, if it is in memory. */
  readonly octets: Uint8Array | undefined;
}

/**
 * Makes a transaction of a message.
 * @throws TypeError for an argument of the wrong shape. An address or parameter that is merely unfit is a fate.
 */
export function makeTransaction(
  given: unknown,
  defaultId: string,
  seq: number,
  lineEndings: LineEndings,
  queuedAt: number,
): MadeMessage {
  const message = readMessage(given);
  const { parameters, unfit } = readParameters(message);
  const octets = inMemory(message.data);
  const text = octets === undefined ? declared(message) : measured(message, octets, lineEndings);
  const transaction = new Transaction({
    id: message.id ?? defaultId,
    seq,
    from: message.from,
    asciiFrom: asciiForm(message.from),
    recipients: message.to.map(makeRecipient),
    text: { ...text, unfit: text.unfit ?? unfit },
    requireAllRecipients: message.requireAllRecipients ?? false,
    rereadable: octets !== undefined || typeof message.data === "function",
    parameters,
    queuedAt,
  });
  return { transaction, message, octets };
}

function declared({ size, body }: Message): TextDeclaration {
  return { size, body };
}

function measured({ size, body }: Message, octets: Uint8Array, lineEndings: LineEndings): TextDeclaration {
  if (body === "BINARYMIME") {
    const { length } = octets;
    const facts = { octetsIn: length, size: length, eightBit: true };
    return { size: length, eightBit: true, body, whole: true, unfit: contradiction({ size, body }, facts) };
  }
  try {
    const facts = measureText(octets, lineEndings);
    return {
      whole: true,
      size: facts.size,
      eightBit: facts.eightBit,
      body,
      unfit: contradiction({ size, body }, facts),
    };
  } catch (error) {
    if (!(error instanceof BareLineEnd)) throw error;
    return {
      unfit: new SmtpError("ESMTP_INVALID_PARAMETER", `data: ${error.message}`, { cause: error }),
    };
  }
}

/** How a text differs from what was declared of it; undefined if it does not. */
export function contradiction(
  declared: { readonly size?: number | undefined; readonly body?: string | undefined },
  facts: { readonly octetsIn: number; readonly size: number; readonly eightBit: boolean },
): SmtpError | undefined {
  const { size, body } = declared;
  if (size !== undefined && size !== facts.octetsIn && size !== facts.size) {
    const message = `size: ${size} octets were declared, the text has ${facts.octetsIn} (${facts.size} on the wire)`;
    return new SmtpError("ESMTP_INVALID_PARAMETER", message);
  }
  if (body === "7BIT" && facts.eightBit) {
    return new SmtpError("ESMTP_INVALID_PARAMETER", "body: 7BIT was declared, the text has octets above 127");
  }
  return undefined;
}

/** The delivery of a transaction that is over. */
export function makeDelivery({ id, recipients, reply, error }: Transaction, message: Message): Delivery {
  const results = recipients.map(({ result }) => result).filter((result) => result !== undefined);
  return assembleDelivery(message, { id, recipients: results, reply, error });
}

/** A delivery of what is known of a message and its recipients. */
export function assembleDelivery(
  message: Message,
  of: {
    readonly id: string;
    readonly recipients: readonly RecipientResult[];
    readonly reply: Reply | undefined;
    readonly error: SmtpError | undefined;
  },
): Delivery {
  const { id, recipients, reply, error } = of;
  const succeeded = recipients.filter((result) => result.status === "succeeded");
  const ok = succeeded.length === recipients.length;
  const delivery: { -readonly [K in keyof Delivery]: Delivery[K] } = {
    id,
    ok,
    from: message.from,
    recipients,
    succeeded,
    failed: ok ? [] : recipients.filter((result) => result.status === "failed"),
    unknown: ok ? [] : recipients.filter((result) => result.status === "unknown"),
  };
  if ("tag" in message) delivery.tag = message.tag;
  if (reply !== undefined) delivery.reply = reply;
  if (error !== undefined) delivery.error = error;
  return delivery;
}
