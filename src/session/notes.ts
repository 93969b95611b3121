/**
 * What is to be told once the state is consistent: events, then promises, in the order in which they came about.
 * Listeners may call any method; what that brings about is told behind what came before it.
 */
export class Notes {
  #notes: (() => void)[] = [];
  #last: (() => void) | undefined;
  #telling = false;

  add(note: () => void): void {
    this.#notes.push(note);
  }

  /** Adds what is told when nothing else is left. */
  last(note: () => void): void {
    this.#last = note;
  }

  /** Tells one thing at once, before what waits; what that brings about is told behind it. */
  now(note: () => void): void {
    const telling = this.#telling;
    this.#telling = true;
    try {
      note();
    } finally {
      this.#telling = telling;
    }
  }

  /** Tells everything. Called inside itself (by a listener) it leaves the rest to the call that is under way. */
  tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    try {
      while (this.#notes.length > 0 || this.#last !== undefined) {
        const notes = this.#notes;
        this.#notes = [];
        if (notes.length > 0) {
          for (const note of notes) note();
        } else {
          const last = this.#last;
          this.#last = undefined;
          last?.();
        }
      }
    } finally {
      this.#telling = false;
    }
  }
}
