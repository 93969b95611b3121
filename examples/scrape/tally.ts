import type { Delivery, RecipientResult } from "smtp-pipelining";
import type { Client } from "./mail-mix.ts";

export const MESSAGE_RESULTS = [
  "delivered",
  "partial",
  "deferred",
  "rejected",
  "unknown",
  "aborted",
] as const;
export const RECIPIENT_RESULTS = ["succeeded", "deferred", "rejected", "unknown", "aborted"] as const;

type MessageResult = (typeof MESSAGE_RESULTS)[number];
type RecipientOutcome = (typeof RECIPIENT_RESULTS)[number];

/** Messages of one client that ended alike. */
export interface MessageCount {
  readonly client: Client;
  readonly result: MessageResult;
  readonly count: number;
}

/** Recipients of one client that ended alike, in the same place. */
export interface RecipientCount {
  readonly client: Client;
  readonly result: RecipientOutcome;
  readonly stage: string;
  readonly count: number;
}

/** Counts deliveries as their promises tell of them: what the metrics, which count events, must agree with. */
export class Tally {
  readonly #messages = new Map<string, MessageCount>();
  readonly #recipients = new Map<string, RecipientCount>();

  add(client: Client, delivery: Delivery): void {
    const result = messageResult(delivery);
    const key = `${client} ${result}`;
    this.#messages.set(key, { client, result, count: (this.#messages.get(key)?.count ?? 0) + 1 });
    for (const recipient of delivery.recipients) {
      const result = recipientOutcome(recipient);
      const { stage } = recipient;
      const key = `${client} ${result} ${stage}`;
      const count = (this.#recipients.get(key)?.count ?? 0) + 1;
      this.#recipients.set(key, { client, result, stage, count });
    }
  }

  get messages(): MessageCount[] {
    return [...this.#messages.values()];
  }

  get recipients(): RecipientCount[] {
    return [...this.#recipients.values()];
  }
}

/** Adds up the counts that fit. */
export function sum<C extends { readonly count: number }>(
  counts: readonly C[],
  fits: (count: C) => boolean = () => true,
): number {
  return counts.filter(fits).reduce((total, { count }) => total + count, 0);
}

function messageResult({ ok, succeeded, failed, unknown }: Delivery): MessageResult {
  if (unknown.length > 0) return "unknown";
  if (ok) return "delivered";
  if (succeeded.length > 0) return "partial";
  const outcomes = failed.map(recipientOutcome);
  return (["deferred", "rejected"] as const).find((result) => outcomes.includes(result)) ?? "aborted";
}

function recipientOutcome(recipient: RecipientResult): RecipientOutcome {
  if (recipient.status !== "failed") return recipient.status;
  if (recipient.stage === "aborted") return "aborted";
  return recipient.retryable ? "deferred" : "rejected";
}
