import type { ConnectionOptions } from "node:tls";
import { TLS_SESSIONS } from "../protocol/limits.ts";

/** A session to be resumed. */
export interface RememberedSession {
  readonly session: Buffer;
  /** Whether the certificate was verified that it was made under: when it is resumed, nobody looks at its name again. */
  readonly verified: boolean;
}

interface Remembered extends RememberedSession {
  readonly settings: Readonly<ConnectionOptions>;
}

/**
 * TLS sessions of this process to be resumed (RFC 8446 §2.2, RFC 5077): a connection less to be verified, a round trip
 * and the certificate saved. Resumed only under the very settings that it was made under: a certificate that was not
 * verified, or against another CA, must not pass for one that was.
 */
export class TlsSessions {
  readonly #kept = new Map<string, Remembered>();

  get(key: string, settings: Readonly<ConnectionOptions>): RememberedSession | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && sameFields(kept.settings, settings) ? kept : undefined;
  }

  set(key: string, settings: Readonly<ConnectionOptions>, { session, verified }: RememberedSession): void {
    this.#kept.delete(key); // so that the oldest stands first
    this.#kept.set(key, { settings, session, verified });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > TLS_SESSIONS && oldest !== undefined) this.#kept.delete(oldest);
  }

  delete(key: string): void {
    this.#kept.delete(key);
  }
}

/** One level deep: what is no primitive has to be the same object. */
function sameFields(one: object, other: object): boolean {
  const fields = Object.entries(one);
  return (
    fields.length === Object.keys(other).length &&
    fields.every(([name, value]) => Object.is(value, (other as Record<string, unknown>)[name]))
  );
}

/** One memory for the process. */
export const tlsSessions: TlsSessions = new TlsSessions();
