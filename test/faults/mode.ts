import type { SessionOptions } from "smtp-pipelining";
import type { Flaws } from "smtp-pipelining/testing";
import { chunking } from "../support/chunking-option.ts";

/** How texts travel. */
export interface Mode {
  readonly name: string;
  /** What the server offers. */
  readonly extensions: readonly string[];
  readonly session: SessionOptions;
  /** What the server gets wrong anyway. */
  readonly flaws?: Flaws;
}

export const MODES: readonly Mode[] = [
  { name: "DATA", extensions: ["PIPELINING"], session: {} },
  { name: "CHUNKING, auto", extensions: ["PIPELINING", "CHUNKING"], session: chunking("auto") },
  { name: "CHUNKING, strict", extensions: ["PIPELINING", "CHUNKING"], session: chunking("strict") },
  { name: "lock-step", extensions: [], session: {} },
  { name: "LMTP", extensions: ["PIPELINING"], session: { protocol: "lmtp" } },
];

/** Servers with a flaw of their own, which take everything all the same: cut and silent, too. */
export const FLAWED: readonly Mode[] = [
  {
    name: "DATA, refuses behind a text",
    extensions: ["PIPELINING"],
    session: {},
    flaws: { behindText: "refuses" },
  },
  {
    name: "DATA, swallows behind a text",
    extensions: ["PIPELINING"],
    session: {},
    flaws: { behindText: "swallows" },
  },
  {
    name: "DATA, keeps transactions",
    extensions: ["PIPELINING"],
    session: {},
    flaws: { keepsTransaction: "always" },
  },
  {
    name: "CHUNKING, keeps transactions",
    extensions: ["PIPELINING", "CHUNKING"],
    session: chunking("auto"),
    flaws: { keepsTransaction: "always" },
  },
];
