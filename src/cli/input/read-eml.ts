import { type Found, type Given, toMessage } from "./message.ts";
import type { Settings } from "./options.ts";
import type { Store } from "./store.ts";

/** Makes a message of a file that is one. A `From ` line in front of it is not part of its text. */
export function readEml(first: Buffer, store: Store, given: Given, settings: Settings): Found {
  const start = first.toString("latin1", 0, 5) === "From " ? first.indexOf("\n") + 1 : 0;
  const fromLine = start === 0 ? undefined : first.toString("latin1", 0, start);
  const text = {
    first: first.subarray(start),
    size: store.size - start,
    again: () => store.read(start, store.size),
  };
  return toMessage(text, { ...given, fromLine }, settings);
}
