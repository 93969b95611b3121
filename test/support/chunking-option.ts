import type { SessionOptions } from "smtp-pipelining";

export type Chunking = "auto" | "strict" | "off";

/** The option `chunking`. Tests that say it here are indifferent to how far its type has got. */
export function chunking(mode: Chunking): SessionOptions {
  const options: object = { chunking: mode };
  return options;
}
