import type { SessionOptions } from "smtp-pipelining";
import { chunking } from "../support/chunking-option.ts";

/** How texts travel. */
export interface Mode {
  readonly name: string;
  /** What the server offers. */
  readonly extensions: readonly string[];
  readonly session: SessionOptions;
}

export const MODES: readonly Mode[] = [
  { name: "DATA", extensions: ["PIPELINING"], session: {} },
  { name: "CHUNKING, auto", extensions: ["PIPELINING", "CHUNKING"], session: chunking("auto") },
  { name: "CHUNKING, strict", extensions: ["PIPELINING", "CHUNKING"], session: chunking("strict") },
  { name: "lock-step", extensions: [], session: {} },
  { name: "LMTP", extensions: ["PIPELINING"], session: { protocol: "lmtp" } },
];
