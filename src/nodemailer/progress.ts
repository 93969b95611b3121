import type { SmtpPool } from "../pool/index.ts";

/** What is told of a message beside its delivery. */
export interface Progress {
  /** From its first command to the last answer to RCPT: milliseconds. */
  readonly envelopeTime: number;
  /** From there to its fate. */
  readonly messageTime: number;
  /** Octets of text written. */
  readonly messageSize: number;
  /** What its server offers. */
  readonly ehlo: readonly string[];
  /** The server's name. */
  readonly host: string;
}

interface Watched {
  startedAt?: number;
  answeredAt?: number;
  progress?: Progress;
}

/** Watches the messages of a pool, from a few of its events. */
export class ProgressWatch {
  readonly #messages = new Map<string, Watched>();
  readonly #servers = new Map<string, { readonly ehlo: readonly string[]; readonly host: string }>();

  constructor(pool: SmtpPool) {
    const hosts = new Map<string, string>();
    pool.on("sessionOpen", ({ sessionId, host }) => hosts.set(sessionId, host));
    pool.on("ready", ({ sessionId, capabilities }) => {
      const ehlo = Array.from(capabilities, ([keyword, parameters]) => `${keyword} ${parameters}`.trimEnd());
      this.#servers.set(sessionId, { ehlo, host: hosts.get(sessionId) ?? "" });
    });
    pool.on("sessionClose", ({ sessionId }) => {
      hosts.delete(sessionId);
      this.#servers.delete(sessionId);
    });
    // Each attempt begins anew.
    pool.on("messageStart", ({ messageId, time }) => {
      const watched = this.#messages.get(messageId);
      if (watched !== undefined) watched.startedAt = time;
    });
    pool.on("recipientAccepted", ({ messageId, time }) => {
      const watched = this.#messages.get(messageId);
      if (watched !== undefined) watched.answeredAt = time;
    });
    pool.on("messageEnd", ({ messageId, sessionId, time, bytes }) => {
      const watched = this.#messages.get(messageId);
      if (watched === undefined) return;
      const { startedAt = time, answeredAt = startedAt } = watched;
      const { ehlo = [], host = "" } = this.#servers.get(sessionId) ?? {};
      watched.progress = {
        envelopeTime: Math.round(answeredAt - startedAt),
        messageTime: Math.round(time - answeredAt),
        messageSize: bytes,
        ehlo,
        host,
      };
    });
  }

  /** Watches a message, by an id that no other has meanwhile. Returns that id. */
  begin(wanted: string): string {
    let id = wanted;
    for (let n = 2; this.#messages.has(id); n++) id = `${wanted} (${n})`;
    this.#messages.set(id, {});
    return id;
  }

  /** What was seen of a message that has its fate; it is watched no more. */
  end(id: string): Progress {
    const { progress } = this.#messages.get(id) ?? {};
    this.#messages.delete(id);
    return progress ?? { envelopeTime: 0, messageTime: 0, messageSize: 0, ehlo: [], host: "" };
  }
}
