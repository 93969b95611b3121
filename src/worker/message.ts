import { isUtf8 } from "node:buffer";
import { isUint8Array } from "node:util/types";
import * as check from "../session/check.ts";
import type { Message, MessageData, MessageRecipient } from "../session/message.ts";
import { PARAMETER_FIELDS } from "../session/parameters.ts";

/** What a queued message has beside its text: as in a `Message`, and nothing but JSON can say. */
export interface QueuedEnvelope extends Omit<Message, "data" | "signal" | "tag" | "id"> {
  /**
   * Your own id of the message, and the id of its job; generated if absent. What was added once under an id is not
   * added again while its job exists, and for `remember` after it was added. No `:`, and not digits alone.
   */
  id?: string | undefined;
  /** Anything of yours that JSON can say: comes back on the events. */
  tag?: unknown;
}

/** A message for the queue: with its text, or with a reference that the worker's function `text` makes a text of. */
export type QueuedMessage<R = unknown> = QueuedEnvelope &
  (
    | { /** The text, headers included: stored in Redis. */ data: string | Uint8Array; ref?: undefined }
    | { /** What `text` is called with: anything that JSON can say. */ ref: R; data?: undefined }
  );

/** Makes a text of a reference. What it throws defers the message. */
export type ResolveText<R = unknown> = (ref: R) => MessageData | Promise<MessageData>;

/** What is stored of a message, as the data of its job. */
export interface JobData {
  readonly envelope: Omit<QueuedEnvelope, "id" | "tag">;
  readonly tag?: unknown;
  /** The text. */
  readonly text?: string;
  /** The text, if it is no UTF-8: in base64. */
  readonly base64?: string;
  readonly ref?: unknown;
  /** The context of the trace it was added in: headers of W3C Trace Context. */
  readonly trace?: Readonly<Record<string, string>>;
}

const JOB_ID_PROBLEM = "must have no colon, and be more than digits: BullMQ can't have it as the id of a job";

const FIELDS: Record<keyof QueuedMessage, check.Check> = {
  from: check.string,
  to: () => undefined,
  data: (value) =>
    typeof value === "string" || isUint8Array(value) ? undefined : "must be a string or a Uint8Array",
  ref: () => undefined,
  id: (value) => {
    if (typeof value !== "string" || value === "") return "must be a string of at least one character";
    return value.includes(":") || /^\d+$/.test(value) ? JOB_ID_PROBLEM : undefined;
  },
  tag: () => undefined,
  size: check.integer(0),
  body: check.oneOf("7BIT", "8BITMIME", "BINARYMIME"),
  ...PARAMETER_FIELDS,
  requireAllRecipients: check.boolean,
};

/** Checks a message, and makes the data of a job of it. @throws TypeError that names the field */
export function toJobData(given: QueuedMessage): { readonly id: string | undefined; readonly data: JobData } {
  const { id, tag, data, ref, ...envelope } = check.readRecord(given, FIELDS, "message") as QueuedMessage;
  if (envelope.from === undefined) throw new TypeError("message.from is missing");
  if (recipientsOf(envelope).length === 0) throw new TypeError("message.to has no recipient");
  if ((data === undefined) === (ref === undefined)) {
    throw new TypeError("message must have either data or ref");
  }
  const text = data === undefined ? { ref } : storedText(data);
  return { id, data: { envelope, ...text, ...(tag !== undefined && { tag }) } };
}

/** The recipients of a message, one by one. */
export function recipientsOf({ to }: Pick<QueuedEnvelope, "to">): readonly MessageRecipient[] {
  if (to === undefined) return [];
  return Array.isArray(to) ? (to as readonly MessageRecipient[]) : [to as MessageRecipient];
}

/** The address of a recipient. */
export function addressOf(recipient: MessageRecipient): string {
  return typeof recipient === "string" ? recipient : recipient.address;
}

function storedText(data: string | Uint8Array): Pick<JobData, "text" | "base64"> {
  if (typeof data === "string") return { text: data };
  const octets = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // As a string it takes a quarter less.
  return isUtf8(octets) ? { text: octets.toString("utf8") } : { base64: octets.toString("base64") };
}

/** The text that is stored in a job; undefined if there is only a reference. */
export function textOf({ text, base64 }: JobData): string | Uint8Array | undefined {
  return base64 === undefined ? text : Buffer.from(base64, "base64");
}
