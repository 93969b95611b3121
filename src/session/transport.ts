import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { isUint8Array } from "node:util/types";
import { SmtpError } from "../protocol/errors.ts";
import { causeText, shownValue } from "./check.ts";
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
  #broken = false;
  readonly #listeners: readonly [event: string, listener: (value: unknown) => void][];

  constructor(socket: Duplex, events: TransportEvents, now: () => number) {
    this.#socket = socket;
    this.#events = events;
    this.#now = now;
    let failure: unknown;
    const data = (chunk: unknown): void => {
      if (typeof chunk === "string") events.data(Buffer.from(chunk, "latin1"));
      else if (isUint8Array(chunk)) events.data(chunk);
      else this.#close(new TypeError(`the connection gave ${shownValue(chunk)} where octets were due`));
    };
    const failed = (error: unknown): void => {
      failure = error;
    };
    const drained = (): void => {
      this.#wake();
      events.drained();
    };
    this.#listeners = [
      ["error", failed],
      ["data", data],
      ["end", () => this.#close(undefined)],
      ["close", () => this.#close(failure)],
      ["drain", drained],
    ];
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
    socket.resume(); // it may have come paused
  }

  /** Octets that came and were not told yet. */
  get unread(): number {
    return this.#socket.readableLength;
  }

  /** Gives the connection away, for TLS to be put on it. Nothing more is told of it, or written. */
  release(): Duplex {
    this.#closed = true;
    for (const [event, listener] of this.#listeners) this.#socket.off(event, listener);
    return this.#socket;
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

  /** Writes blocks so that they leave in as few segments as they fit in. */
  write(blocks: readonly Uint8Array[]): void {
    if (this.#closed || this.#broken) return;
    this.#try(() => {
      if (blocks.length > 1) this.#socket.cork();
      for (const block of blocks) this.#writeBlock(block);
      if (blocks.length > 1) this.#socket.uncork();
    });
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
    if (!this.#closed && !this.#broken) this.#try(() => this.#socket.end());
  }

  /** A connection of the caller's may throw. It is over then, but whoever writes is told of it later. */
  #try(use: () => void): void {
    try {
      use();
    } catch (cause) {
      this.#broken = true;
      const error = cause instanceof Error ? cause : new Error(causeText(cause), { cause });
      queueMicrotask(() => this.#close(error));
    }
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

/**
 * Makes the connection.
 * @param signal ends the attempt, and whatever was begun of it
 * @throws SmtpError `ESMTP_CONNECT` or `ESMTP_TIMEOUT`
 */
export async function openSocket(options: ResolvedOptions, signal: AbortSignal): Promise<Duplex> {
  const where = options.socketPath ?? `${options.host}:${options.port}`;
  const { connect } = options.timeouts;
  const opening = options.connectSocket === undefined ? openNet(options, signal) : openOwn(options, signal);
  let timer: NodeJS.Timeout | undefined;
  let abort = (): void => undefined;
  // A connectSocket may take no notice of either: it is not waited for.
  const stopped = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `No connection to ${where} within ${connect} ms`;
      reject(new SmtpError("ESMTP_TIMEOUT", message, { retryable: true }));
    }, connect);
    abort = () => reject(new Error("aborted"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([opening, stopped]);
  } catch (cause) {
    // A connection that comes too late is nobody's: it is closed, and its failure has been told already.
    opening.then((socket) => socket.destroy()).catch(() => undefined);
    if (cause instanceof SmtpError) throw cause;
    const message = `No connection to ${where}: ${reason(cause)}`;
    throw new SmtpError("ESMTP_CONNECT", message, { retryable: true, cause });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** TCP, or a Unix socket. */
async function openNet(options: ResolvedOptions, signal: AbortSignal): Promise<Socket> {
  const { host, port, localAddress, socketPath } = options;
  // Half-open: the peer's end must not cut short what is being read.
  const socket = new PatientSocket({ allowHalfOpen: true });
  if (socketPath === undefined) {
    socket.connect({ host, port, ...(localAddress !== undefined && { localAddress }) });
  } else {
    socket.connect({ path: socketPath });
  }
  await connected(socket, signal);
  if (socketPath !== undefined) return socket;
  socket.setNoDelay(true); // batches are composed here: Nagle's delay would only add to them
  socket.setKeepAlive(true); // a session lives for days, and a peer that vanished sends no FIN
  return socket;
}

/** What the caller's function returns, once it is connected. Async, so that what it throws is a failed connection too. */
async function openOwn({ connectSocket, host, port }: ResolvedOptions, signal: AbortSignal): Promise<Duplex> {
  const socket = checkSocket(await connectSocket?.({ host, port, signal }));
  if (socket instanceof Socket && socket.connecting) await connected(socket, signal);
  return socket;
}

/** Waits for a socket that is connecting. */
function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      socket.destroy(new Error("aborted"));
    };
    const closed = (): void => reject(new Error("it was closed before it was connected"));
    signal.addEventListener("abort", abort, { once: true });
    socket
      .once("error", reject)
      .once("close", closed)
      .once("connect", () => {
        signal.removeEventListener("abort", abort);
        socket.off("close", closed);
        resolve();
      });
    if (signal.aborted) abort();
  });
}

const METHODS = ["on", "write", "cork", "uncork", "end", "destroy", "resume"] as const;

function checkSocket(socket: Duplex | undefined): Duplex {
  if (socket === undefined || METHODS.some((method) => typeof socket?.[method] !== "function")) {
    throw new TypeError("connectSocket must return a Duplex");
  }
  if (socket.destroyed) throw new Error("connectSocket returned a connection that is closed");
  // For good: what fails before or behind the session's own use of it must not end the process.
  socket.on("error", () => undefined);
  return socket;
}

/** Of several addresses each failed: the first says enough. */
function reason(cause: unknown): string {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return causeText(first);
}
