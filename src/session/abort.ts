type Fired = (reason: unknown) => void;

interface Entry {
  readonly calls: Set<Fired>;
  readonly listener: () => void;
}

/** Listens to AbortSignals, with one listener per signal however many wait for it. */
export class AbortSignals {
  readonly #waiting = new Map<AbortSignal, Entry>();

  /** Calls back when the signal fires, at once (in a microtask) if it has. Returns what stops listening. */
  on(signal: AbortSignal, fired: Fired): () => void {
    const entry = this.#waiting.get(signal) ?? this.#listen(signal);
    const { calls } = entry;
    calls.add(fired);
    return () => {
      calls.delete(fired);
      if (calls.size === 0) this.#forget(signal);
    };
  }

  // Apart from on(): a closure made there would keep the first caller's for as long as anybody waits.
  #listen(signal: AbortSignal): Entry {
    const calls = new Set<Fired>();
    const listener = (): void => {
      this.#waiting.delete(signal);
      for (const call of calls) call(signal.reason);
    };
    const entry = { calls, listener };
    if (signal.aborted) queueMicrotask(listener);
    else signal.addEventListener("abort", listener, { once: true });
    this.#waiting.set(signal, entry);
    return entry;
  }

  /** Stops listening to all. */
  clear(): void {
    for (const signal of this.#waiting.keys()) this.#forget(signal);
  }

  #forget(signal: AbortSignal): void {
    const entry = this.#waiting.get(signal);
    if (entry === undefined) return;
    this.#waiting.delete(signal);
    signal.removeEventListener("abort", entry.listener);
  }
}
