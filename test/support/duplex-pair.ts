import { Duplex } from "node:stream";

/** What is seen of one end as it happens, beside what it does. */
interface Tap {
  /** One write of this end's; corked writes are one. */
  sent(octets: string): void;
  /** Octets that this end was given. */
  received(octets: string): void;
}

export interface PairOptions {
  /** Sizes of the pieces in which octets arrive, either way, in turn; 0: whatever there is. Then whole. */
  readonly segments?: readonly number[];
  /**
   * Cuts the connection behind so many octets one way; `lossy`: what was under way the other way is lost; `reset`: so is
   * what the client has not read, and it sees ECONNRESET where it else sees the end.
   */
  readonly cut?:
    | {
        readonly way: "toServer" | "toClient";
        readonly octets: number;
        readonly lossy: boolean;
        readonly reset?: boolean | undefined;
      }
    | undefined;
  /** Behind so many octets the server's side takes no more. */
  readonly deafBehind?: number | undefined;
  readonly tap?: Tap;
  /** Called whenever something moves. */
  readonly stirred?: () => void;
}

/** Two ends of a connection in memory. What one writes the other reads, later (`setImmediate`), in pieces. */
export function duplexPair(options: PairOptions = {}): { client: Duplex; server: Duplex } {
  const segments = [...(options.segments ?? [])];
  const wire = new Wire(options, segments);
  return { client: wire.client, server: wire.server };
}

class Wire {
  readonly client: End;
  readonly server: End;
  readonly #options: PairOptions;
  #cut = false;

  constructor(options: PairOptions, segments: number[]) {
    this.#options = options;
    const stirred = options.stirred ?? ((): void => undefined);
    const left = { toServer: Number.POSITIVE_INFINITY, toClient: Number.POSITIVE_INFINITY };
    let hearing = options.deafBehind ?? Number.POSITIVE_INFINITY;
    if (options.cut !== undefined) left[options.cut.way] = options.cut.octets;
    const take = (way: "toServer" | "toClient", held: Buffer): Buffer => {
      const segment = segments.shift() ?? 0;
      const most = Math.min(left[way], way === "toServer" ? hearing : Number.POSITIVE_INFINITY);
      const taken = held.subarray(0, Math.min(segment === 0 ? held.length : segment, most));
      if (way === "toServer") hearing -= taken.length;
      left[way] -= taken.length;
      stirred();
      return taken;
    };
    const spent = (way: "toServer" | "toClient"): void => {
      if (left[way] <= 0) this.#sever();
    };
    this.client = new End(
      (held) => take("toServer", held),
      () => spent("toServer"),
      options.tap,
    );
    this.server = new End(
      (held) => take("toClient", held),
      () => spent("toClient"),
      undefined,
    );
    this.client.peer = this.server;
    this.server.peer = this.client;
  }

  #sever(): void {
    if (this.#cut) return;
    this.#cut = true;
    // What did not get through that way never does.
    (this.#options.cut?.way === "toServer" ? this.client : this.server).lose();
    for (const end of [this.client, this.server]) {
      if (this.#options.cut?.lossy) end.lose();
      end.hangUp();
    }
    if (this.#options.cut?.reset) this.client.destroy(connectionReset());
  }
}

class End extends Duplex {
  peer: End | undefined;
  readonly #take: (held: Buffer) => Buffer;
  readonly #spent: () => void;
  readonly #tap: Tap | undefined;
  #held: Buffer = Buffer.alloc(0);
  #corked: Buffer[] = [];
  #flushed: (() => void)[] = [];
  #scheduled = false;
  #ending = false;
  #ended = false;

  constructor(take: (held: Buffer) => Buffer, spent: () => void, tap: Tap | undefined) {
    super({ allowHalfOpen: true, decodeStrings: true });
    this.#take = take;
    this.#spent = spent;
    this.#tap = tap;
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    const octets = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as Uint8Array);
    if (this.writableCorked > 0) this.#corked.push(octets);
    else this.#tap?.sent(octets.toString("latin1"));
    return super.write(octets, ...(rest as [BufferEncoding, () => void]));
  }

  override uncork(): void {
    super.uncork();
    if (this.writableCorked > 0 || this.#corked.length === 0) return;
    this.#tap?.sent(Buffer.concat(this.#corked).toString("latin1"));
    this.#corked = [];
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === "data" && this.#tap !== undefined)
      this.#tap.received((args[0] as Buffer).toString("latin1"));
    return super.emit(event, ...args);
  }

  override _read(): void {
    // What arrives is pushed.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    this.#flushed.push(callback);
    this.#schedule();
  }

  override _final(callback: () => void): void {
    this.#ending = true;
    this.#schedule();
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#ending = true;
    this.#schedule();
    callback(error);
  }

  /** What is under way to the other end does not arrive. */
  lose(): void {
    this.#held = Buffer.alloc(0);
  }

  /** This end says no more, once what is under way has arrived. */
  hangUp(): void {
    this.#ending = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#ended) return;
    const { peer } = this;
    if (this.#held.length > 0) {
      const piece = this.#take(this.#held);
      this.#held = this.#held.subarray(piece.length);
      if (piece.length > 0 && peer !== undefined && !peer.destroyed) peer.push(piece);
      this.#spent();
      if (piece.length === 0 && this.#held.length > 0) return; // no more is taken
    }
    if (this.#held.length > 0 && !this.#isEnded()) {
      this.#schedule();
      return;
    }
    const flushed = this.#flushed;
    this.#flushed = [];
    for (const callback of flushed) callback();
    if (!this.#ending) return;
    this.#ended = true;
    if (peer !== undefined && !peer.destroyed) peer.push(null);
  }

  // A method, for the compiler: what was called before may have changed it.
  #isEnded(): boolean {
    return this.#ended;
  }
}

function connectionReset(): Error {
  return Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
}
