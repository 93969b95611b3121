import { Fifo } from "../pipeline/fifo.ts";
import { SmtpError } from "../protocol/errors.ts";
import { shownValue } from "./check.ts";
import type { Delivery, Message } from "./message.ts";
import { type WaitOptions, waitSignal } from "./wait.ts";

/** What `deliver()` needs of a session. `H` stands for a message that is open. */
export interface Deliverer<H> {
  /** Queues a message. @throws TypeError for an argument of the wrong shape */
  queue<T>(message: Message<T>, settled: (delivery: Delivery<T>) => void): H;
  /** Aborts one, as far as that has an effect still. */
  abort(handle: H, cause: unknown): void;
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
 * @throws TypeError for what can't be iterated over, or is no signal
 */
export function deliver<T, H>(
  session: Deliverer<H>,
  messages: Iterable<Message<T>> | AsyncIterable<Message<T>>,
  options: WaitOptions,
): AsyncGenerator<Delivery<T>, void, undefined> {
  const iterable: unknown = messages;
  const fit =
    typeof iterable === "object" &&
    iterable !== null &&
    (Symbol.asyncIterator in iterable || Symbol.iterator in iterable);
  if (!fit) throw new TypeError(`messages must be an iterable of messages, not ${shownValue(iterable)}`);
  return delivering(session, messages, waitSignal(options));
}

async function* delivering<T, H>(
  session: Deliverer<H>,
  messages: Iterable<Message<T>> | AsyncIterable<Message<T>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Delivery<T>, void, undefined> {
  const iterator =
    Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
  // Pulled a few at a time: those that are there together leave together.
  const refillAt = session.window - (session.window >> 3);
  const open = new Set<H>();
  const done = new Fifo<Delivery<T>>();
  let stopped: { readonly cause: unknown } | undefined;
  let exhausted = false;
  let failure: { readonly cause: unknown } | undefined;
  let pulling = false;
  let wake: () => void = () => undefined;

  const fail = (cause: unknown): void => {
    failure ??= { cause };
    exhausted = true;
    wake();
  };
  /** What is not begun is not sent any more. */
  const stop = (cause: unknown): void => {
    if (stopped !== undefined) return;
    stopped = { cause };
    for (const handle of open) session.abort(handle, cause);
  };
  const aborted = (): void => {
    stop(signal?.reason);
    fail(new SmtpError("ESMTP_ABORTED", "deliver() was aborted", { retryable: true, cause: signal?.reason }));
  };

  const begin = (message: Message<T>): void => {
    let over = false; // it may be at once
    let handle: H | undefined;
    handle = session.queue(message, (delivery: Delivery<T>) => {
      over = true;
      if (handle !== undefined) open.delete(handle);
      done.push(delivery);
      wake();
    });
    if (!over) open.add(handle);
  };

  // One pull at a time; a source that answers at once is pulled on without waiting for the consumer.
  const pull = async (): Promise<void> => {
    pulling = true;
    try {
      while (!exhausted && open.size + done.length < session.window) {
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
      if (!pulling && !exhausted && open.size + done.length <= refillAt) void pull();
      const delivery = done.shift();
      if (delivery !== undefined) yield delivery;
      else if (open.size === 0 && exhausted && done.length === 0) break;
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
    stop(new DOMException("deliver() was left", "AbortError"));
    if (pulling) {
      // A source that is waiting itself is told, not waited for: that may take for ever.
      void Promise.resolve()
        .then(() => iterator.return?.())
        .catch(() => undefined);
    } else if (left || failure !== undefined) {
      await iterator.return?.();
    }
    while (open.size > 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}
