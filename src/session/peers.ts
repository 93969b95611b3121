import { createHash } from "node:crypto";
import type { PeerFacts } from "../pipeline/peer.ts";
import type { Capabilities } from "../protocol/capabilities.ts";
import { PEER_AGE, PEER_ENTRIES } from "../protocol/limits.ts";

/**
 * Remembers what was learnt of servers from one session to the next. The default is one for the process,
 * with at most 10,000 entries of at most 24 h; bring your own to keep tenants or tests apart.
 */
export interface PeerMemory {
  /** What is known of a peer; undefined if nothing. */
  get(key: string): PeerFacts | undefined;
  /** Remembers what was learnt. */
  set(key: string, facts: PeerFacts): void;
}

/** A memory in this process: the oldest entry goes first. */
export class BoundedPeerMemory implements PeerMemory {
  readonly #entries = new Map<string, { readonly facts: PeerFacts; readonly learntAt: number }>();

  get(key: string): PeerFacts | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (Date.now() - entry.learntAt <= PEER_AGE) return entry.facts;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, facts: PeerFacts): void {
    this.#entries.delete(key);
    this.#entries.set(key, { facts, learntAt: Date.now() });
    if (this.#entries.size <= PEER_ENTRIES) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }
}

/** The memory that all sessions of this process share unless told otherwise. */
export const processPeers: PeerMemory = new BoundedPeerMemory();

/** Where it is remembered what a server offers that takes an envelope with the connection. */
export function earlyKey(host: string, port: number, tls: boolean): string {
  return `${host}:${port} PIPECONNECT${tls ? " TLS" : ""}`;
}

/** Capabilities as they are remembered. */
export function toLines(capabilities: Capabilities): string[] {
  return Array.from(capabilities, ([keyword, parameters]) => `${keyword} ${parameters}`);
}

/** Capabilities as they were remembered. */
export function fromLines(lines: readonly string[]): Capabilities {
  return new Map(
    lines.map((line) => {
      const space = line.indexOf(" ");
      return [line.slice(0, space), line.slice(space + 1)];
    }),
  );
}

/** A server is known by where it is and what it says to EHLO: behind one name other software may answer tomorrow. */
export function peerKey(host: string, port: number, capabilities: Capabilities): string {
  const said = toLines(capabilities).sort();
  const fingerprint = createHash("sha256").update(said.join("\n")).digest("base64url").slice(0, 16);
  return `${host}:${port} ${fingerprint}`;
}
