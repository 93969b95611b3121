import type { Reply } from "../protocol/reply.ts";

interface Suspicion {
  readonly reply: Reply;
  /** When the last octets came. */
  readonly since: number;
  /** After a refused RSET or NOOP. */
  readonly strict: boolean;
  /** No reply came since. */
  readonly quiet: boolean;
}

/**
 * The suspicion that a server is hanging up: after a 421, or a refused RSET or NOOP. While it lasts nothing is written.
 * If the connection ends, what lay behind that reply was not processed. If replies come behind a 421 they count, and
 * once all have come the session goes on. RSET and NOOP can't be refused: a reply behind that is out of step.
 */
export class HangUp {
  #suspicion: Suspicion | undefined;

  /** The reply that gave rise to it; undefined: nothing is suspected. */
  get reply(): Reply | undefined {
    return this.#suspicion?.reply;
  }

  /** Since when nothing came. */
  get since(): number | undefined {
    return this.#suspicion?.since;
  }

  /** Nothing came behind that reply: if the connection ends now, what lay behind it was not processed. */
  get quiet(): boolean {
    return this.#suspicion?.quiet ?? false;
  }

  /** Any further reply is out of step. */
  get strict(): boolean {
    return this.#suspicion?.strict ?? false;
  }

  /** RSET or NOOP was refused. */
  refused(reply: Reply, now: number): void {
    this.#suspicion = { reply, since: now, strict: true, quiet: true };
  }

  /** A reply came and was acted on; `owed`: how many more are. */
  after(reply: Reply, owed: number, now: number): void {
    const suspicion = this.#suspicion;
    if (suspicion?.strict) return; // it came with this very reply: another would have been out of step
    if (reply.code === 421) this.#suspicion = { reply, since: now, strict: false, quiet: true };
    else if (suspicion !== undefined)
      this.#suspicion = owed === 0 ? undefined : { ...suspicion, since: now, quiet: false };
  }
}
