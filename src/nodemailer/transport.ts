import { EventEmitter } from "node:events";
import { PACKAGE_VERSION } from "../observability/version.ts";
import { Fifo } from "../pipeline/fifo.ts";
import { SmtpPool } from "../pool/index.ts";
import { hasControlCharacter } from "../protocol/address.ts";
import { SmtpError } from "../protocol/errors.ts";
import type { ProvisionCallback } from "./auth.ts";
import {
  abortError,
  apiError,
  closedError,
  composingFailed,
  fromSmtpError,
  type NodemailerError,
  refusal,
} from "./errors.ts";
import { logPool } from "./logger.ts";
import { type Envelope, type Mail, readEnvelope } from "./mail.ts";
import { type PipeliningTransportOptions, readTransportOptions, type TransportSettings } from "./options.ts";
import { acceptance, failureOf, recipientsOf, type SentMessageInfo } from "./outcome.ts";
import { ProgressWatch } from "./progress.ts";
import { connectThrough, type GetSocket } from "./proxy.ts";
import { serverMessageId } from "./server-message-id.ts";
import { type ComposedText, composeText } from "./text.ts";

/** Called once, with an error or with what became of the message. */
export type SendCallback = (error: NodemailerError | null, info?: SentMessageInfo) => void;

/** Called once the check is done. */
export type VerifyCallback = (error: NodemailerError | null, success?: true) => void;

/** Events of the transport; nodemailer's transporter passes `idle` and `clear` on. */
export interface TransportEvents {
  /** It takes messages: at first, and whenever it has become so again. */
  idle: [];
  /** Nothing is to be sent any more, and no connection is open. */
  clear: [];
  /** It was closed, and everything has its fate. */
  close: [];
}

/** A transport for `nodemailer.createTransport()`: see {@link pipeliningTransport}. */
export interface PipeliningTransport extends EventEmitter<TransportEvents> {
  readonly name: string;
  readonly version: string;
  /** A message's `signal` is heeded. */
  readonly supportsAbortSignal: true;
  /** The pool behind it: for `attachMetrics`, `attachTracing`, `attachRecorder`, and its events. */
  readonly pool: SmtpPool;
  /** Called by nodemailer. */
  send(mail: Mail, callback: SendCallback): void;
  /** Connects and authenticates, and asks a server with NOOP. Fulfils with true; rejects with a NodemailerError. */
  verify(): Promise<true>;
  verify(callback: VerifyCallback): void;
  /** Whether more messages can be given without holding them for long. */
  isIdle(): boolean;
  /** Messages that were given and have no fate yet. */
  pendingCount(): number;
  /**
   * Takes no more messages, sends all that it has, and ends every session with QUIT. `force`: gives up what is not sent.
   * Never rejects.
   */
  close(options?: { readonly force?: boolean }): Promise<void>;
}

/**
 * A transport for nodemailer that pipelines: `nodemailer.createTransport(pipeliningTransport({ host: "mail.example.org" }))`
 * instead of `nodemailer.createTransport({ host: "mail.example.org" })`. Opens nothing before the first message.
 *
 * @param options nodemailer's options, or its connection URL; those of a pool
 * @throws TypeError that names the option, and says what to write instead where nodemailer's means something else here
 */
export function pipeliningTransport(options: PipeliningTransportOptions | string): PipeliningTransport {
  return new Transport(options);
}

/** So many messages may be given before the transport calls itself busy; below three quarters it is idle again. */
const BUSY = 1_024;
const IDLE_AGAIN = 768;

/** How many messages are composed at once: composing waits for files and for nodemailer's plugins. */
const COMPOSING = 32;

interface Job {
  readonly mail: Mail;
  readonly callback: SendCallback;
  /** The recipients whose fate the pool decides. */
  inPool: readonly string[];
  over: boolean;
  forget: () => void;
}

class Transport extends EventEmitter<TransportEvents> implements PipeliningTransport {
  readonly name = "SMTP (pipelining)";
  readonly version: string = PACKAGE_VERSION;
  readonly supportsAbortSignal = true;
  readonly pool: SmtpPool;
  /** The transporter; set by nodemailer. */
  mailer: { get(key: string): unknown } | undefined;
  readonly #settings: TransportSettings;
  readonly #lmtp: boolean;
  readonly #progress: ProgressWatch;
  readonly #queue = new Fifo<Job>();
  /** Those without a fate. */
  readonly #open = new Set<Job>();
  /** Places for messages that are composed, or streamed, now. */
  #places = COMPOSING;
  #taking = false;
  #idle = true;
  #getSocket: GetSocket | undefined;
  #placeFree: () => void = () => undefined;
  #lastSettled: () => void = () => undefined;
  #closed: Promise<void> | undefined;

  constructor(options: PipeliningTransportOptions | string) {
    super();
    const registered = (): ProvisionCallback | undefined =>
      this.mailer?.get("oauth2_provision_cb") as ProvisionCallback | undefined;
    const settings = readTransportOptions(options, registered);
    this.#settings = settings;
    const { pool, logger } = settings;
    const { relays, socketPath, connectSocket } = pool;
    this.#lmtp = pool.protocol === "lmtp";
    const direct = relays === undefined && socketPath === undefined && connectSocket === undefined;
    const through = direct ? { connectSocket: connectThrough(() => this.#getSocket, pool) } : {};
    this.pool = new SmtpPool({ ...pool, ...through });
    if (settings.getSocket !== undefined) this.getSocket = settings.getSocket;
    this.#progress = new ProgressWatch(this.pool);
    if (logger !== false) logPool(this.pool, logger, settings);
    this.pool.on("sessionClose", () => this.#clear());
    setImmediate(() => {
      if (this.#idle) this.emit("idle");
    });
  }

  /** Set by nodemailer where a proxy is set up. @throws TypeError where the options say how to connect */
  set getSocket(getSocket: GetSocket) {
    const { relays, socketPath, connectSocket } = this.#settings.pool;
    if (relays !== undefined || socketPath !== undefined || connectSocket !== undefined) {
      throw new TypeError("A proxy can't go with the options relays, socketPath and connectSocket");
    }
    this.#getSocket = getSocket;
  }

  send(mail: Mail, callback: SendCallback): void {
    const job: Job = { mail, callback, inPool: [], over: false, forget: () => undefined };
    this.#open.add(job);
    if (this.#open.size >= BUSY) this.#idle = false;
    const unfit = this.#unfit(mail);
    if (unfit !== undefined) this.#settle(job, unfit);
    else if (mail.data.signal !== undefined) this.#heed(mail.data.signal, job);
    if (job.over) return;
    this.#queue.push(job);
    void this.#take();
  }

  #unfit({ data }: Mail): NodemailerError | undefined {
    if (this.#closed !== undefined) return closedError();
    if (!data.auth) return undefined;
    // Its session would be another's to use.
    return apiError("ECONFIG", "A message's auth is not supported: make a transport for each user");
  }

  #heed(signal: AbortSignal, job: Job): void {
    const abort = (): void => {
      if (job.inPool.length === 0) this.#settle(job, abortError(signal.reason));
      // The pool settles at once what it can still hold back. The fate of the others will be known later.
      else setImmediate(() => this.#settle(job, abortError(signal.reason, job.inPool)));
    };
    signal.addEventListener("abort", abort, { once: true });
    job.forget = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) abort();
  }

  /** Takes messages as fast as the pool has room for them. */
  async #take(): Promise<void> {
    if (this.#taking) return;
    this.#taking = true;
    while (this.#queue.length > 0) {
      if (this.#places === 0) await new Promise<void>((resolve) => (this.#placeFree = resolve));
      await this.pool.ready();
      const job = this.#queue.shift();
      if (job === undefined || job.over) continue;
      this.#places--;
      void this.#deliver(job);
    }
    this.#taking = false;
  }

  #freePlace(): void {
    this.#places++;
    this.#placeFree();
  }

  /** Never rejects. */
  async #deliver(job: Job): Promise<void> {
    let text: ComposedText | undefined;
    try {
      const envelope = readEnvelope(job.mail);
      text = await composeText(job.mail.message.createReadStream(), this.#settings.composeInMemory);
      if (text.whole) this.#freePlace();
      if (!job.over) await this.#deliverText(job, envelope, text);
    } catch (cause) {
      this.#settle(job, composingFailed(cause));
    } finally {
      text?.close();
      if (!text?.whole) this.#freePlace();
    }
  }

  async #deliverText(job: Job, envelope: Envelope, { data }: ComposedText): Promise<void> {
    const { from, to, addresses, dsn, requireTls } = envelope;
    const { signal } = job.mail.data;
    const messageId = job.mail.message.messageId();
    const id = this.#progress.begin(hasControlCharacter(messageId) ? "message" : messageId);
    job.inPool = addresses;
    const delivery = await this.pool.pipeline({ id, from, to, data, dsn, requireTls, signal }).finally(() => {
      job.inPool = [];
    });
    const progress = this.#progress.end(id);
    if (delivery.succeeded.length === 0) {
      const error = failureOf(delivery, this.#lmtp);
      if (requireTls && isUnsupported(error)) error.code = "EREQUIRETLS";
      return this.#settle(job, error);
    }
    const { ehlo, host, ...measured } = progress;
    const response = acceptance(delivery);
    const given = serverMessageId(response, host);
    this.#settle(job, null, {
      ...recipientsOf(delivery),
      ...(ehlo.length > 0 && { ehlo: [...ehlo] }),
      ...measured,
      response,
      ...(given !== undefined && { serverMessageId: given }),
      envelope: { from, to: [...addresses] },
      messageId,
    });
  }

  #settle(job: Job, error: NodemailerError | null, info?: SentMessageInfo): void {
    if (job.over) return;
    job.over = true;
    job.forget();
    this.#open.delete(job);
    // What it throws is the caller's, and not a message's.
    queueMicrotask(() => job.callback(error, info));
    if (!this.#idle && this.#open.size < IDLE_AGAIN) {
      this.#idle = true;
      this.emit("idle");
    }
    if (this.#open.size === 0) this.#lastSettled();
  }

  #clear(): void {
    const [session] = this.pool.sessions;
    if (this.#open.size === 0 && session === undefined) this.emit("clear");
  }

  verify(): Promise<true>;
  verify(callback: VerifyCallback): void;
  verify(callback?: VerifyCallback): Promise<true> | undefined {
    const verified = this.#verify();
    if (callback === undefined) return verified;
    verified.then(
      () => queueMicrotask(() => callback(null, true)),
      (error: NodemailerError) => queueMicrotask(() => callback(error)),
    );
    return undefined;
  }

  async #verify(): Promise<true> {
    try {
      for (let attempt = 1; ; attempt++) {
        await this.pool.connect();
        const session = [...this.pool.sessions].find(({ state }) => state === "ready");
        // One that has been ready for long may be gone by now: then another has to do.
        const reply = await session?.noop().catch((cause: unknown) => {
          if (attempt > 1) throw cause;
        });
        if (reply?.code === 250) return true;
        if (reply !== undefined && attempt > 1) {
          throw refusal("The server refuses NOOP", reply, { code: "EPROTOCOL", command: "NOOP" });
        }
      }
    } catch (cause) {
      throw cause instanceof SmtpError ? fromSmtpError(cause) : cause;
    }
  }

  isIdle(): boolean {
    return this.#idle;
  }

  pendingCount(): number {
    return this.#open.size;
  }

  close({ force = false }: { readonly force?: boolean } = {}): Promise<void> {
    this.#closed ??= this.#close();
    if (force) {
      this.pool.destroy();
      // Of those that the pool has it tells itself. Nodemailer closes what the others are composed of.
      for (const job of this.#open) if (job.inPool.length === 0) this.#settle(job, closedError());
    }
    return this.#closed;
  }

  async #close(): Promise<void> {
    // The pool takes nothing more once it quits: what is being composed comes first.
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#lastSettled = resolve));
    await this.pool.quit();
    this.emit("close");
  }
}

/** Whether the server, or the connection, lacks what the message needs. */
function isUnsupported({ cause }: NodemailerError): boolean {
  return cause instanceof SmtpError && cause.code === "ESMTP_UNSUPPORTED";
}
