import { Fifo } from "../pipeline/fifo.ts";

/**
 * Items of several flows, taken in turn: a flow of a million does not keep one of ten waiting. What is put back comes
 * first. Items that are over are skipped.
 */
export class FairQueue<T extends { readonly over: boolean; readonly flow: object }> {
  readonly #flows = new Map<object, Fifo<T>>();
  readonly #turns = new Fifo<object>();
  readonly #back = new Fifo<T>();

  push(item: T): void {
    const { flow } = item;
    let items = this.#flows.get(flow);
    if (items === undefined) {
      items = new Fifo<T>();
      this.#flows.set(flow, items);
      this.#turns.push(flow);
    }
    items.push(item);
  }

  /** Puts an item back that was taken out. */
  putBack(item: T): void {
    this.#back.push(item);
  }

  /** The item whose turn it is; undefined if there is none. */
  peek(): T | undefined {
    return head(this.#back) ?? this.#turn();
  }

  /** Takes that item out. */
  shift(): void {
    if (head(this.#back) !== undefined) {
      this.#back.shift();
      return;
    }
    if (this.#turn() === undefined) return;
    const flow = this.#turns.shift();
    if (flow === undefined) return;
    const items = this.#flows.get(flow);
    items?.shift();
    if (items !== undefined && items.length > 0) this.#turns.push(flow);
    else this.#flows.delete(flow);
  }

  /** Takes all items out. */
  drain(): T[] {
    const items = [this.#back, ...this.#flows.values()].flatMap((each) => each.drain());
    this.#flows.clear();
    this.#turns.drain();
    return items.filter(({ over }) => !over);
  }

  /** The first item of the flow whose turn it is. Flows that have nothing left are forgotten. */
  #turn(): T | undefined {
    for (;;) {
      const flow = this.#turns.at(0);
      if (flow === undefined) return undefined;
      const items = this.#flows.get(flow);
      const item = items === undefined ? undefined : head(items);
      if (item !== undefined) return item;
      this.#turns.shift();
      this.#flows.delete(flow);
    }
  }
}

function head<T extends { readonly over: boolean }>(items: Fifo<T>): T | undefined {
  for (;;) {
    const item = items.at(0);
    if (item === undefined || !item.over) return item;
    items.shift();
  }
}
