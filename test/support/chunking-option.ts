import type { SessionOptions } from "smtp-pipelining";

export type Chunking = "auto" | "strict" | "off";

/** The option `chunking` and what goes with it, for tests that are indifferent to how far its type has got. */
export function chunking(mode: Chunking, more: object = {}): SessionOptions {
  const options: object = { chunking: mode, ...more };
  return options;
}
