import type { QueuedMessage } from "smtp-pipelining/worker";

/** What the producer adds by its reference, instead of the text. */
export interface Letter {
  readonly number: number;
}

/**
 * The messages: most to one recipient. Every address stands in one message alone, and says what the mail server makes of
 * it: `gone-…` it refuses for good, `busy-…` the first time.
 */
export function message(number: number): QueuedMessage<Letter> {
  const to = [`${number % 20 === 7 ? "busy" : "reader"}-${number}@example.net`];
  if (number % 25 === 0) to.push(`gone-${number}@example.net`, `reader-${number}-b@example.net`);
  return {
    id: `letter-${number}`,
    from: "news@example.org",
    to,
    // Half of the texts are in the queue, half are made by the worker.
    ...(number % 2 === 0 ? { data: letter({ number }) } : { ref: { number } }),
  };
}

/** The text of a message. */
export function letter({ number }: Letter): string {
  return `From: news@example.org\r\nSubject: Letter ${number}\r\nMessage-ID: <${number}@example.org>\r\n\r\nHello!\r\n`;
}
