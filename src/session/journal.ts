import type { RecipientResult } from "../pipeline/fate.ts";
import type { Delivery, Message } from "./message.ts";

/** What a journal hears of a message: the part of a session's events that it listens to. */
export interface JournaledEvents {
  recipientSucceeded(event: JournaledFate): void;
  recipientFailed(event: JournaledFate): void;
  recipientUnknown(event: JournaledFate): void;
  messageEnd(event: {
    readonly messageId: string;
    readonly messageSeq: number;
    readonly delivery: Delivery;
  }): void;
  /** Of a pool: what failed with its connection is tried again. */
  retry(event: { readonly messageId: string; readonly messageSeq: number }): void;
}

/** The fate of one recipient, as its event has it. */
export type JournaledFate = RecipientResult & { readonly messageId: string; readonly messageSeq: number };

/** A session, or a pool. */
export interface JournaledSender {
  // `never`: the listeners of a session's events and of a pool's both take its place. A session never emits `retry`.
  on(event: Exclude<keyof JournaledEvents, "retry">, listener: never): unknown;
}

/**
 * Called before anything of a message is written, each time that it is begun; nothing is until it fulfils.
 * If it rejects, the message fails: aborted if the error is retryable, else for good.
 */
export type BeginSending = (message: Message, messageId: string, messageSeq: number) => Promise<void>;

/** What keeps a durable record of what is sent: `Journal` of smtp-pipelining/journal is one. */
export interface SendJournal {
  /** Called once by the session or pool whose option it is. */
  attach(sender: JournaledSender): BeginSending;
}
