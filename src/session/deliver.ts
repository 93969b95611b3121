import { SmtpError } from "../protocol/errors.ts";
import type { Delivery, Message } from "./message.ts";

/** What `deliver()` needs of a session. */
export interface Deliverer {
  pipeline<T>(message: Message<T>, stop: AbortSignal): Promise<Delivery<T>>;
  /** Whether the window is used up. */
  readonly full: boolean;
  /** Fulfils when it is not. */
  room(): Promise<void>;
  /** How many messages may be open at once. */
  readonly window: number;
}

/**
 * Keeps the pipeline full from a source of messages, and yields their deliveries in order of completion.
 * No more than a window of messages is open or waits to be yielded, so memory stays flat.
 */
export async function* deliver<T>(
  session: Deliverer,
  messages: Iterable<Message<T>> | AsyncIterable<Message<T>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Delivery<T>, void, undefined> {
  const iterator =
    Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
  const stop = new AbortController();
  const done: Delivery<T>[] = [];
  let open = 0;
  let exhausted = false;
  let failure: { readonly cause: unknown } | undefined;
  let pulling = false;
  let wake: () => void = () => undefined;

  const fail = (cause: unknown): void => {
    failure ??= { cause };
    exhausted = true;
    wake();
  };
  const aborted = (): void => {
    stop.abort();
    fail(new SmtpError("ESMTP_ABORTED", "deliver() was aborted", { retryable: true, cause: signal?.reason }));
  };

  const begin = (message: Message<T>): void => {
    open++;
    session
      .pipeline(message, stop.signal)
      .then((delivery) => done.push(delivery), fail)
      .finally(() => {
        open--;
        wake();
      });
  };

  // One pull at a time; a source that answers at once is pulled on without waiting for the consumer.
  const pull = async (): Promise<void> => {
    if (pulling) return;
    pulling = true;
    try {
      while (!exhausted && open + done.length < session.window) {
        while (session.full && !exhausted) await session.room();
        if (exhausted) break;
        // Without a wait where there is nothing to wait for: messages that are there together leave together.
        const pulled = iterator.next();
        const next = "then" in pulled ? await pulled : pulled;
        if (next.done) exhausted = true;
        else if (!exhausted) begin(next.value);
      }
    } catch (cause) {
      fail(cause);
    }
    pulling = false;
    wake();
  };

  if (signal?.aborted) aborted();
  signal?.addEventListener("abort", aborted);
  try {
    for (;;) {
      void pull();
      const delivery = done.shift();
      if (delivery !== undefined) yield delivery;
      else if (open === 0 && exhausted && done.length === 0) break;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    if (failure !== undefined) throw failure.cause;
  } finally {
    signal?.removeEventListener("abort", aborted);
    const left = !exhausted;
    exhausted = true;
    stop.abort();
    if (pulling) {
      // A source that is waiting itself is told, not waited for: that may take for ever.
      void Promise.resolve()
        .then(() => iterator.return?.())
        .catch(() => undefined);
    } else if (left || failure !== undefined) {
      await iterator.return?.();
    }
    while (open > 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}
