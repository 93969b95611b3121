import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { SmtpError } from "../protocol/errors.ts";
import { TEXT_BLOCK_OCTETS } from "../protocol/limits.ts";
import { causeText } from "./check.ts";
import type { ResolvedOptions } from "./options.ts";

/** What a connection tells. */
export interface TransportEvents {
  data(chunk: Uint8Array): void;
  /** The peer ended the connection, or it broke. What the peer had said was told before. */
  closed(cause: unknown): void;
  /** There is room for more. */
  drained(): void;
  /** All that was written has left for the network. */
  flushed(): void;
}

/** One connection: batches of octets out, octets in. Reads always, also while it writes (RFC 2920 §4.2). */
export class Transport {
  readonly #socket: Duplex;
  readonly #events: TransportEvents;
  readonly #now: () => number;
  #unflushed = 0;
  #progressAt = 0;
  #waiting: (() => void)[] = [];
  #closed = false;

  constructor(socket: Duplex, events: TransportEvents, now: () => number) {
    this.#socket = socket;
    this.#events = events;
    this.#now = now;
    let failure: unknown;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("data", (chunk: Uint8Array | string) => {
      events.data(typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk);
    });
    socket.on("end", () => this.#close(undefined));
    socket.on("close", () => this.#close(failure));
    socket.on("drain", () => {
      this.#wake();
      events.drained();
    });
  }

  /** The server's address, if the connection is a socket. */
  get remoteAddress(): string | undefined {
    return this.#socket instanceof Socket ? this.#socket.remoteAddress : undefined;
  }

  /** This side's address as an address literal (RFC 5321 §4.1.3). */
  get localLiteral(): string {
    const address = this.#socket instanceof Socket ? this.#socket.localAddress : undefined;
    if (address === undefined) return "[127.0.0.1]";
    return address.includes(":") ? `[IPv6:${address.replace(/%.*/, "")}]` : `[${address}]`;
  }

  /** Whether more should wait: the socket holds enough. */
  get full(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Since when the network takes nothing of what was written; undefined if it holds nothing up. */
  get stalledSince(): number | undefined {
    return this.#unflushed > 0 ? this.#progressAt : undefined;
  }

  /** Fulfils when there is room, or the connection is over. */
  room(): Promise<void> {
    if (this.#closed || !this.full) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Writes a batch so that it leaves in as few segments as it fits in. */
  write(batch: readonly Uint8Array[]): void {
    if (this.#closed) return;
    const octets = batch.reduce((sum, { length }) => sum + length, 0);
    if (octets === 0) return;
    if (batch.length === 1 || octets > 2 * TEXT_BLOCK_OCTETS) {
      this.#socket.cork();
      for (const block of batch) if (block.length > 0) this.#writeBlock(block);
      this.#socket.uncork();
    } else {
      this.#writeBlock(Buffer.concat(batch, octets));
    }
  }

  #writeBlock(block: Uint8Array): void {
    if (this.#unflushed++ === 0) this.#progressAt = this.#now();
    this.#socket.write(block, () => {
      this.#progressAt = this.#now();
      if (--this.#unflushed === 0 && !this.#closed) this.#events.flushed();
    });
  }

  /** Says that no more will be written; the peer may still speak. */
  end(): void {
    if (!this.#closed) this.#socket.end();
  }

  /** Drops the connection. What was not flushed is lost. */
  destroy(): void {
    this.#closed = true;
    this.#socket.destroy();
    this.#wake();
  }

  #close(cause: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake();
    this.#events.closed(cause);
    this.#socket.destroy();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/**
 * A socket that hears its peer out. A write to a connection that the peer has closed fails, and Node.js then drops
 * the socket with what the peer had said before still unread: that may be the reply that decides a fate. Here the
 * failed write stays pending until the event loop has polled for input once more.
 */
class PatientSocket extends Socket {
  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    super._write(chunk, encoding, patient(callback));
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    super._writev?.(chunks, patient(callback));
  }
}

function patient(callback: (error?: Error | null) => void): (error?: Error | null) => void {
  return (error) => {
    // The first check phase may come before the next poll, the second can't.
    if (error) setImmediate(() => setImmediate(callback, error));
    else callback();
  };
}

/** Makes the connection. @throws SmtpError `ESMTP_CONNECT` or `ESMTP_TIMEOUT`. */
export async function openSocket(options: ResolvedOptions, signal: AbortSignal): Promise<Duplex> {
  const { host, port, connectSocket, timeouts } = options;
  const where = `${host}:${port}`;
  const opening =
    connectSocket === undefined
      ? openTcp(options, signal)
      : // Async, so that what it throws is a failed connection too.
        (async () => checkSocket(await connectSocket({ host, port, signal })))();
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `No connection to ${where} within ${timeouts.connect} ms`;
      reject(new SmtpError("ESMTP_TIMEOUT", message, { retryable: true }));
    }, timeouts.connect);
  });
  try {
    return await Promise.race([opening, deadline]);
  } catch (cause) {
    // A connection that comes too late is nobody's: it is closed, and its failure has been told already.
    opening.then((socket) => socket.destroy()).catch(() => undefined);
    if (cause instanceof SmtpError) throw cause;
    const message = `No connection to ${where}: ${reason(cause)}`;
    throw new SmtpError("ESMTP_CONNECT", message, { retryable: true, cause });
  } finally {
    clearTimeout(timer);
  }
}

function openTcp({ host, port, localAddress }: ResolvedOptions, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // Half-open: the peer's end must not cut short what is being read.
    const socket = new PatientSocket({ allowHalfOpen: true });
    const abort = (): void => {
      socket.destroy(new Error("aborted"));
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", reject).once("connect", () => {
      signal.removeEventListener("abort", abort);
      socket.setNoDelay(true); // batches are composed here: Nagle's delay would only add to them
      socket.setKeepAlive(true); // a session lives for days, and a peer that vanished sends no FIN
      resolve(socket);
    });
    socket.connect({ host, port, ...(localAddress !== undefined && { localAddress }) });
  });
}

function checkSocket(socket: Duplex): Duplex {
  if (typeof socket?.write !== "function" || typeof socket.on !== "function") {
    throw new TypeError("connectSocket must return a Duplex");
  }
  if (socket.destroyed) throw new Error("connectSocket returned a connection that is closed");
  return socket;
}

/** Of several addresses each failed: the first says enough. */
function reason(cause: unknown): string {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return causeText(first);
}
