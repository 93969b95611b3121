// Counts round trips where both directions pass: at the proxy.

const QUIT = /^QUIT\r\n$/i;

/** What one connection had to wait for. */
export class RoundTrips {
  #count = 0;
  #replied = false;
  /** How many replies in a row, each the cause of the next octets, led to the octets last told to the client. */
  #depthAtClient = 0;
  #depthAtServer = 0;

  /** How often the client sent after it had been told something new. */
  get count(): number {
    return this.#count;
  }

  /**
   * How many round trips had to follow one another. Less than {@link count} where a client sends on while replies come
   * in: then several are under way at once.
   */
  get inSequence(): number {
    return this.#depthAtServer;
  }

  /** Octets came from the client. @returns what is to be given to {@link deliveredToServer} when they get there */
  fromClient(octets: Uint8Array): number {
    if (octets.length === 6 && QUIT.test(String.fromCharCode(...octets))) return this.#depthAtServer;
    if (this.#replied) this.#count++;
    this.#replied = false;
    return this.#depthAtClient;
  }

  /** They got to the server. */
  deliveredToServer(depth: number): void {
    this.#depthAtServer = Math.max(this.#depthAtServer, depth);
  }

  /** Octets came from the server. @returns what is to be given to {@link deliveredToClient} when they get there */
  fromServer(): number {
    return this.#depthAtServer + 1;
  }

  /** They got to the client. */
  deliveredToClient(depth: number): void {
    this.#replied = true;
    this.#depthAtClient = Math.max(this.#depthAtClient, depth);
  }
}
