import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { HandshakeNeed, Identity } from "../pipeline/asking.ts";
import type { CommandGroup, Group } from "../pipeline/group.ts";
import type { Handshake, HandshakePlan, Protocol } from "../pipeline/handshake.ts";
import type { CloseReason, OrdinaryCommand } from "../pipeline/observer.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import type { Transaction } from "../pipeline/transaction.ts";
import { type Capabilities, supports } from "../protocol/capabilities.ts";
import { argumentProblem, commandProblem, verbOf } from "../protocol/command.ts";
import { SmtpError } from "../protocol/errors.ts";
import { POOL_DEPTH } from "../protocol/limits.ts";
import { type Reply, ReplyParser } from "../protocol/reply.ts";
import { AbortSignals } from "./abort.ts";
import type { FlushSummary } from "./backlog.ts";
import { causeText, shownValue } from "./check.ts";
import { now } from "./clock.ts";
import { askForCredentials, derive } from "./credentials.ts";
import { deliver } from "./deliver.ts";
import { Diagnostics } from "./diagnostics.ts";
import { GuardedEmitter } from "./emitter.ts";
import type { Facts, PayloadOf, SessionEventName, SessionEvents } from "./events.ts";
import { type Delivery, type MadeMessage, type Message, makeTransaction } from "./message.ts";
import { Notes } from "./notes.ts";
import { describe, makeObserver } from "./observer.ts";
import { type ResolvedOptions, resolveOptions, type SessionOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Readying } from "./readying.ts";
import { TextSource } from "./source.ts";
import { Timer } from "./timer.ts";
import { channelBinding, secureSocket } from "./tls.ts";
import { openSocket, Transport } from "./transport.ts";
import { aborted, roomIn, type WaitOptions, waitSignal } from "./wait.ts";
import { Writer } from "./writer.ts";

/** Where a session stands. A closed session stays closed. */
export type SessionState = "idle" | "connecting" | "ready" | "closing" | "closed";

/** What a pool does with its sessions beyond what everybody can. */
export interface PoolDoor {
  /** Sends a message that the pool has made, and has told of as queued. */
  take(session: SmtpSession, made: MadeMessage, settled: (delivery: Delivery) => void): void;
  /** Aborts one that it has, as far as that has an effect still. */
  abort(session: SmtpSession, made: MadeMessage, cause: unknown): void;
  /** As deep a queue as keeps the connection busy is there: more would only wait in the wrong place. */
  busy(session: SmtpSession): boolean;
}

/** Opened by the class, which alone can. */
export let poolDoor: PoolDoor;

/**
 * One SMTP conversation over one connection, for thousands of messages: they are pipelined, across messages too,
 * and every recipient of every message ends as succeeded, failed or unknown, once.
 *
 * @example
 * await using session = new SmtpSession({ host: "mail.example.org" });
 * session.on("recipientFailed", ({ address, reply }) => console.log(address, reply?.text));
 * const delivery = await session.pipeline({ from: "a@example.org", to: ["b@example.org"], data: "Subject: Hi\r\n\r\nHi" });
 */
export class SmtpSession extends GuardedEmitter<SessionEvents> implements AsyncDisposable {
  /** Identifies the session in its events. */
  readonly id: string = randomBytes(6).toString("hex");
  readonly #options: ResolvedOptions;
  readonly #outbox: Outbox;
  readonly #observer: ReturnType<typeof makeObserver>;
  readonly #pipeline: Pipeline;
  readonly #readying: Readying;
  readonly #parser: ReplyParser;
  readonly #notes = new Notes();
  readonly #timer = new Timer(() => this.#expire());
  readonly #signals = new AbortSignals();
  readonly #diagnostics = new Diagnostics();
  readonly #commands = new Map<
    OrdinaryCommand,
    { resolve(reply: Reply): void; reject(error: SmtpError): void }
  >();
  readonly #opening = new AbortController();
  #transport: Transport | undefined;
  #writer: Writer | undefined;
  #tls: TLSSocket | undefined;
  #verified = false;
  #authenticated = false;
  /** To be met once the chunk that is being read has been read whole. */
  #need: HandshakeNeed | undefined;
  #state: SessionState = "idle";
  #greeting: Reply | undefined;
  #scheduled = false;
  #winding = false;
  /** `close` is being emitted, or was: nothing comes after it. */
  #silent = false;
  #messages = 0;
  #idleSince = 0;
  #lastGroup: { readonly of: Group; readonly group: CommandGroup } | undefined;
  #opened: Promise<void> | undefined;
  #settleOpened: { resolve(): void; reject(error: SmtpError): void } | undefined;
  #ending: { readonly reason: CloseReason; readonly error: SmtpError | undefined } | undefined;
  readonly #closed: Promise<void>;
  #settleClosed: () => void = () => undefined;

  static {
    poolDoor = {
      take(session, made, settled) {
        session.#take(made, settled);
        session.#notes.tell();
      },
      abort: (session, { transaction }, cause) => session.#abort(transaction, cause),
      busy: (session) =>
        session.#pipeline.bursts ? session.#outbox.full : session.#outbox.messages >= POOL_DEPTH,
    };
  }

  /**
   * Opens nothing yet: `connect()` or the first message does.
   * @param options options, or a URL: `"smtp://mail.example.org:25"`, `"smtps://user:pass@mail.example.org"`
   * @throws TypeError that names the option
   */
  constructor(options: SessionOptions | string) {
    super();
    this.#options = resolveOptions(options);
    this.#closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#outbox = new Outbox(this.#options.window);
    this.#parser = new ReplyParser(this.#options.limits);
    this.#observer = makeObserver(
      {
        wants: (event) => this.#wants(event),
        tell: (event, facts) => this.#tell(event, facts),
        later: (work) => this.#notes.add(work),
        needs: (need) => {
          this.#need = need;
        },
        again: (transaction) => this.#openAgain(transaction),
        ready: (handshake) => this.#ready(handshake),
        commandEnd: (command, outcome) => this.#commandEnd(command, outcome),
        ended: (reason, error) => this.#ended(reason, error),
      },
      this.#outbox,
      this.#options,
    );
    this.#pipeline = new Pipeline(this.#options, this.#observer);
    this.#readying = new Readying(
      this.#pipeline,
      this.#outbox,
      this.#options.journal?.attach(this),
      (change) => this.#turn(change),
    );
    const { signal } = this.#options;
    if (signal !== undefined)
      this.#signals.on(signal, (cause) => this.destroy(aborted("The session", cause)));
  }

  /** `new SmtpSession(options)`, connected. @throws SmtpError as {@link SmtpSession.connect} */
  static async connect(options: SessionOptions | string): Promise<SmtpSession> {
    const session = new SmtpSession(options);
    await session.connect();
    return session;
  }

  /** What metrics, tracing and logging attach to is anything with `on`, `off` and `sessions`: here, itself. */
  get sessions(): Iterable<SmtpSession> {
    return [this];
  }

  get state(): SessionState {
    return this.#state;
  }

  /** What the server offered in reply to EHLO; empty before, and where it knows only HELO. */
  get capabilities(): Capabilities {
    return this.#pipeline.capabilities;
  }

  /** The server's greeting; undefined before it came. */
  get greeting(): Reply | undefined {
    return this.#greeting;
  }

  /** Whether TLS protects the connection. */
  get secure(): boolean {
    return this.#tls !== undefined;
  }

  /** Whether the server has accepted the credentials. */
  get authenticated(): boolean {
    return this.#authenticated;
  }

  /** The server's name or address, as given; the path of a Unix socket. */
  get host(): string {
    return this.#options.host;
  }

  /** What is spoken. */
  get protocol(): Protocol {
    return this.#options.protocol;
  }

  /** 0 for a Unix socket. */
  get port(): number {
    return this.#options.port;
  }

  /** The server's address; undefined before the connection stands, on a Unix socket, and where `connectSocket` returned none. */
  get remoteAddress(): string | undefined {
    return this.#transport?.remoteAddress;
  }

  /** Replies that the server owes: how much is in flight. */
  get repliesOwed(): number {
    return this.#pipeline.owed;
  }

  /** Messages whose fate is open. */
  get pending(): number {
    return this.#outbox.messages;
  }

  /** The most recently completed group; undefined before the first. */
  get lastGroup(): CommandGroup | undefined {
    const of = this.#pipeline.lastGroup;
    if (of === undefined) return undefined;
    if (this.#lastGroup?.of !== of) this.#lastGroup = { of, group: of.toCommandGroup() };
    return this.#lastGroup.group;
  }

  /** The parameters of an EHLO keyword, `true` if it has none, `false` if it is not offered. Case-insensitive. */
  supports(extension: string): boolean | string {
    if (typeof extension !== "string") {
      throw new TypeError(`supports: the keyword must be a string, not ${shownValue(extension)}`);
    }
    return supports(this.capabilities, extension);
  }

  /**
   * Connects: fulfils once greeting, EHLO, TLS and AUTH are done. Called again it waits for the same.
   * @throws SmtpError (as a rejection) what the session failed with; `ESMTP_ABORTED` if the signal fired: that closes
   * the session, unless it is ready
   */
  connect(options: WaitOptions = {}): Promise<void> {
    let signal: AbortSignal | undefined;
    try {
      signal = waitSignal(options);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#state === "ready" && signal?.aborted) {
      return Promise.reject(aborted("connect()", signal.reason));
    }
    this.#open();
    this.#notes.tell();
    if (signal !== undefined && this.#state === "connecting") {
      const forget = this.#signals.on(signal, (cause) => this.destroy(aborted("connect()", cause)));
      this.#opened?.then(forget, forget);
    }
    const open = this.#state === "connecting" || this.#state === "ready";
    return open && this.#opened !== undefined
      ? this.#opened
      : Promise.reject(this.#ending?.error ?? closedError());
  }

  /**
   * Queues a message; connects first if nobody did. Messages queued together share command groups.
   * Fulfils when the fate of every recipient is known, also when everything failed.
   * @throws TypeError (as a rejection) for an argument of the wrong shape, and for nothing else
   */
  pipeline<T>(message: Message<T>): Promise<Delivery<T>> {
    return new Promise((settled) => {
      this.#queue(message, settled);
    });
  }

  /**
   * Sends messages from a source, and yields their deliveries in order of completion. Pulls only as fast as the window
   * allows. If the source throws, what was started is settled and yielded, then it rethrows. `break` stops pulling,
   * aborts what was not begun and waits for what is on the wire; a signal does the same and throws `ESMTP_ABORTED`.
   * On a session that is closed every message fails at once (connection, retryable): break, if the source is endless.
   */
  deliver<T>(
    messages: Iterable<Message<T>> | AsyncIterable<Message<T>>,
    options: WaitOptions = {},
  ): AsyncGenerator<Delivery<T>, void, undefined> {
    const outbox = this.#outbox;
    const deliverer = {
      queue: <M>(message: Message<M>, settled: (delivery: Delivery<M>) => void) =>
        this.#queue(message, settled),
      abort: (transaction: Transaction, cause: unknown) => this.#abort(transaction, cause),
      get full() {
        return outbox.full;
      },
      room: () => outbox.room(),
      window: this.#options.window.messages,
    };
    return deliver(deliverer, messages, options);
  }

  /** Fulfils when the queue has room below the window: the backpressure for those who call `pipeline()` in a loop. */
  async ready(options: WaitOptions = {}): Promise<void> {
    await roomIn(this.#outbox, this.#signals, waitSignal(options));
  }

  /** Fulfils when all messages queued before are settled; counts those queued since the previous call. Never rejects. */
  flush(): Promise<FlushSummary> {
    return this.#outbox.flush();
  }

  /** NOOP, in its turn between transactions. */
  noop(): Promise<Reply> {
    return this.#ordinary("NOOP");
  }

  /** RSET, in its turn between transactions. */
  reset(): Promise<Reply> {
    return this.#ordinary("RSET");
  }

  /** VRFY, RFC 5321 §3.5: is there such a user? @throws TypeError (as a rejection) for an unfit argument */
  verify(address: string): Promise<Reply> {
    return this.#ordinary("VRFY", address);
  }

  /** EXPN, RFC 5321 §3.5: who is on this list? @throws TypeError (as a rejection) for an unfit argument */
  expand(list: string): Promise<Reply> {
    return this.#ordinary("EXPN", list);
  }

  /** HELP, RFC 5321 §4.1.1.8. @throws TypeError (as a rejection) for an unfit argument */
  help(topic?: string): Promise<Reply> {
    return topic === undefined ? this.#ordinary("HELP") : this.#ordinary("HELP", topic);
  }

  /** ETRN, RFC 1985: asks the server to send what it holds for a domain. @throws TypeError as {@link verify} */
  etrn(domain: string): Promise<Reply> {
    return this.#ordinary("ETRN", domain);
  }

  /**
   * A command that the server knows and this library does not. Not for those that the session speaks itself.
   * Fulfils with the reply, whatever its code.
   * @throws TypeError (as a rejection) for a line that can't be sent; SmtpError if the session fails first
   */
  async command(line: string): Promise<Reply> {
    const problem = typeof line === "string" ? commandProblem(line) : "it is no string";
    if (problem !== undefined) throw new TypeError(`command: ${shownValue(line)} can't be sent: ${problem}`);
    return this.#send({ command: verbOf(line), line });
  }

  /** Takes no new messages, settles everything queued, sends QUIT and closes. Never rejects: the events tell. */
  async quit(): Promise<void> {
    if (this.#state === "idle") this.#ended("quit", undefined);
    if (this.#state !== "closed") this.#state = "closing";
    this.#pipeline.quit();
    this.#turn();
    await this.#closed;
  }

  /** The same as {@link quit}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.quit();
  }

  /**
   * Closes at once. What was not sent to its end failed, aborted; what was is unknown.
   * @param error what the results shall say; default `ESMTP_DESTROYED`
   */
  destroy(error?: Error): void {
    if (this.#state === "closed") return;
    const reason =
      error instanceof SmtpError && error.code === "ESMTP_ABORTED"
        ? error
        : new SmtpError("ESMTP_DESTROYED", error?.message ?? "The session was destroyed", {
            retryable: true,
            cause: error,
          });
    this.#turn(() => {
      this.#pipeline.fail(reason, "aborted", now());
      if (this.#winding) this.#close(); // QUIT is answered: only the server's end was waited for
    });
  }

  // ---- the connection

  #open(): void {
    if (this.#state !== "idle") return;
    this.#state = "connecting";
    const { host, port } = this.#options;
    this.#tell("connecting", { host, port });
    this.#opened = new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject };
    });
    // Who only listens, or only sends, need not handle this rejection: events and fates tell the same.
    this.#opened.catch(() => undefined);
    this.#openConnection().then(
      (socket) => this.#connected(socket),
      (cause) => this.#notConnected(cause),
    );
  }

  async #openConnection(): Promise<Duplex> {
    const socket = await openSocket(this.#options, this.#opening.signal);
    return this.#options.tls === "implicit" ? this.#secured(socket) : socket;
  }

  #notConnected(cause: unknown): void {
    const error =
      cause instanceof SmtpError ? cause : new SmtpError("ESMTP_CONNECT", causeText(cause), { cause });
    const reason = error.code === "ESMTP_TIMEOUT" ? "timeout" : "error";
    this.#turn(() => this.#pipeline.fail(error, reason, now()));
  }

  #connected(socket: Duplex): void {
    if (this.#ending !== undefined) {
      socket.destroy();
      return;
    }
    const transport = this.#attach(socket);
    const {
      host,
      port,
      tls,
      auth,
      allowInsecureAuth,
      xclient,
      name = transport.localLiteral,
    } = this.#options;
    const plan: HandshakePlan = {
      name,
      tls: tls === "implicit" ? "off" : tls,
      authenticate: auth !== undefined,
      allowInsecureAuth,
      xclient,
    };
    this.#tell("connect", { host, port, remoteAddress: transport.remoteAddress, secure: this.secure });
    this.#turn(() => this.#pipeline.start(plan, now(), this.#observer.offeredBefore()));
  }

  #attach(socket: Duplex): Transport {
    const transport = new Transport(socket, this.#transportEvents(), now);
    this.#transport = transport;
    this.#writer = new Writer(this.#pipeline, this.#outbox, transport, this.#options, () => this.#turn());
    return transport;
  }

  async #secured(raw: Duplex): Promise<TLSSocket> {
    const { socket, verified } = await secureSocket(raw, this.#options, this.#opening.signal);
    this.#tls = socket;
    this.#verified = verified;
    this.#pipeline.secured(verified);
    return socket;
  }

  /** Puts TLS on the connection, at once: what the server says from here on is not plain text any more. */
  #upgrade(): void {
    const transport = this.#transport;
    if (transport === undefined || !this.#pipeline.upgrading) return;
    if (this.#parser.midReply || transport.unread > 0) {
      this.#pipeline.injected(now());
      return;
    }
    this.#transport = undefined;
    this.#writer = undefined;
    this.#secured(transport.release()).then(
      (socket) => {
        if (this.#ending !== undefined) {
          socket.destroy();
          return;
        }
        this.#attach(socket);
        this.#turn(() => this.#pipeline.answered(undefined, now()));
      },
      (cause) => this.#notConnected(cause),
    );
  }

  /** Does for the handshake what it can't do itself. */
  #meetNeed(): void {
    const need = this.#need;
    this.#need = undefined;
    if (need === undefined || this.#ending !== undefined) return;
    if (need.kind === "upgrade") {
      this.#upgrade();
      return;
    }
    const answer = need.kind === "derive" ? derive(need) : this.#identity(need.refusal);
    answer.then(
      (given) => this.#turn(() => this.#pipeline.answered(given, now())),
      (cause) => this.#notConnected(cause),
    );
  }

  async #identity(refusal: Reply | undefined): Promise<Identity | undefined> {
    const { auth, host, port } = this.#options;
    if (auth === undefined) return undefined;
    const credentials = await askForCredentials(auth, { host, refusal, signal: this.#opening.signal });
    if (credentials === undefined) return undefined;
    const nonce = randomBytes(18).toString("base64");
    const bound = this.#tls === undefined ? undefined : channelBinding(this.#tls);
    return {
      credentials,
      verified: this.#verified,
      context: { host, port, nonce, channelBinding: bound },
    };
  }

  #transportEvents(): ConstructorParameters<typeof Transport>[1] {
    return {
      data: (chunk) => this.#turn(() => this.#receive(chunk)),
      closed: (cause) => this.#turn(() => this.#disconnected(cause)),
      drained: () => this.#turn(),
      flushed: () => this.#turn(() => this.#pipeline.flushed(now())),
    };
  }

  #receive(chunk: Uint8Array): void {
    try {
      // All of a chunk is read before anything is written: its replies are older than what would be.
      for (const reply of this.#parser.push(chunk)) {
        this.#pipeline.receive(reply, now(), this.#parser.replyOctets);
      }
    } catch (error) {
      if (!(error instanceof SmtpError)) throw error;
      if (this.#pipeline.upgrading) this.#pipeline.injected(now());
      else this.#pipeline.protocolError(error, now());
    }
  }

  #disconnected(cause: unknown): void {
    // A reply that was cut off shows that the server had more to say.
    this.#pipeline.disconnected(now(), { ended: !this.#parser.midReply, cause });
    if (this.#ending?.reason === "quit") this.#close();
  }

  #ready(handshake: Handshake): void {
    this.#greeting = handshake.greeting;
    if (this.#state === "connecting") this.#state = "ready";
    const { capabilities, mechanism } = handshake;
    this.#authenticated = mechanism !== undefined;
    const tlsVersion = this.#tls?.getProtocol() ?? undefined;
    this.#tell("ready", {
      capabilities,
      secure: this.secure,
      ...(tlsVersion !== undefined && { tlsVersion }),
      verified: this.#verified,
      ...(this.#tls !== undefined && { tlsResumed: this.#tls.isSessionReused() }),
      authenticated: this.#authenticated,
      ...(mechanism !== undefined && { mechanism }),
    });
    this.#notes.add(() => this.#settleOpened?.resolve());
  }

  #ended(reason: CloseReason, error: SmtpError | undefined): void {
    this.#ending ??= { reason, error };
    if (this.#state !== "closed") this.#state = "closing";
    // A destroy() without a reason is no failure.
    if (error !== undefined && (error.code !== "ESMTP_DESTROYED" || error.cause !== undefined)) {
      this.#tell("error", { error });
    }
  }

  /** Ends the connection once the pipeline is over: after QUIT the server closes, else it is dropped. */
  #wind(): void {
    if (this.#ending === undefined || this.#state === "closed") return;
    if (this.#ending.reason !== "quit" || this.#transport === undefined) {
      this.#close();
    } else if (!this.#winding) {
      this.#winding = true;
      this.#transport.end();
      this.#timer.clear();
      this.#timer.set(now() + this.#options.timeouts.closing);
    }
  }

  #close(): void {
    const { reason, error } = this.#ending ?? { reason: "error", error: undefined };
    this.#state = "closed";
    this.#opening.abort();
    this.#transport?.destroy();
    this.#timer.clear();
    this.#signals.clear();
    this.#notes.add(() => {
      this.#settleOpened?.reject(error ?? closedError());
      this.#outbox.wake();
    });
    // What listeners bring about in the meantime is told before: nothing comes after close.
    this.#notes.last(() => {
      this.#silent = true; // for what its listeners bring about
      this.#emit("close", { reason });
      this.removeAllListeners();
      this.#settleClosed();
    });
  }

  // ---- turns: something happened, what follows from it

  #turn(change?: () => void): void {
    change?.();
    this.#meetNeed();
    this.#writer?.pump();
    this.#readying.upcoming(this.#state === "ready");
    this.#wind();
    this.#arm();
    this.#notes.tell();
  }

  /** Calls of one tick share a turn, so that messages queued together leave together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #arm(): void {
    if (this.#ending !== undefined) return;
    const { timeouts, keepAlive } = this.#options;
    const deadline = this.#pipeline.deadline ?? Number.POSITIVE_INFINITY;
    const stall = (this.#transport?.stalledSince ?? Number.POSITIVE_INFINITY) + timeouts.text;
    if (!this.#pipeline.idle) this.#idleSince = now();
    const idle =
      this.#pipeline.idle && keepAlive !== undefined ? this.#idleSince + keepAlive : Number.POSITIVE_INFINITY;
    this.#timer.set(Math.min(deadline, stall, idle));
  }

  #expire(): void {
    if (this.#ending !== undefined) {
      this.#close();
      this.#notes.tell();
      return;
    }
    this.#turn(() => {
      const time = now();
      const { timeouts, keepAlive } = this.#options;
      const stalledSince = this.#transport?.stalledSince;
      if (stalledSince !== undefined && time >= stalledSince + timeouts.text) {
        this.#pipeline.timedOut("the network takes no more octets", "text", time);
      }
      this.#pipeline.expire(time);
      if (keepAlive !== undefined && this.#pipeline.idle && time >= this.#idleSince + keepAlive) {
        this.#pipeline.enqueueCommand({ command: "NOOP", line: "NOOP" });
      }
    });
  }

  // ---- messages and commands

  /** @throws TypeError for an argument of the wrong shape */
  #queue<T>(given: Message<T>, settled: (delivery: Delivery<T>) => void): Transaction {
    const seq = this.#messages + 1;
    const made = makeTransaction(given, `${this.id}-${seq}`, seq, this.#options.lineEndings, now());
    const { transaction } = made;
    this.#messages = seq;
    // The tag comes back as it went in.
    this.#take(made, settled as (delivery: Delivery) => void);
    // At once, not in its turn: in the async context of whoever called. Its listeners find the message queued.
    if (this.#wants("messageQueued")) {
      // Its time is that of the call: what is unfit has had its fate since.
      this.#notes.now(() => this.#emit("messageQueued", describe(transaction), transaction.queuedAt));
    }
    this.#notes.tell();
    return transaction;
  }

  #take({ transaction, message, octets }: MadeMessage, settled: (delivery: Delivery) => void): void {
    const { timeouts } = this.#options;
    const source = octets === undefined ? this.#source(message, transaction, timeouts.text) : undefined;
    transaction.ready = !this.#readying.needed(octets);
    const { signal } = message;
    const forget =
      signal === undefined ? undefined : this.#signals.on(signal, (cause) => this.#abort(transaction, cause));
    // What is the caller's is asked before the message counts: what throws then must not leave it open for ever.
    const abortion = signal?.aborted ? aborted("The message", signal.reason) : undefined;
    const problem = source?.problem;
    this.#outbox.put(transaction, { message, octets, source, settled, forget });
    this.#admit(transaction, abortion, problem);
  }

  #admit(transaction: Transaction, abortion: SmtpError | undefined, problem: SmtpError | undefined): void {
    const time = now();
    if (abortion !== undefined) {
      this.#pipeline.abort(transaction, abortion, time);
    } else if (this.#state === "closing" || this.#state === "closed") {
      this.#pipeline.turnAway(transaction, this.#ending?.error ?? closedError(), time);
    } else if (problem !== undefined) {
      this.#pipeline.failText(transaction, problem, time);
    } else {
      this.#pipeline.enqueue(transaction, time);
      if (transaction.stage !== "over") {
        this.#open(); // not for what is unfit to be sent at all
        this.#schedule();
      }
    }
  }

  #source(message: Message, transaction: Transaction, timeout: number): TextSource {
    return new TextSource(message.data, timeout, (error) => {
      // Once the envelope is on its way the text is read, or not, and the failure is met there.
      if (transaction.stage === "queued")
        this.#turn(() => this.#pipeline.failText(transaction, error, now()));
    });
  }

  /** A text that is needed again is had from its function again. */
  #openAgain(transaction: Transaction): void {
    const entry = this.#outbox.get(transaction);
    if (entry?.source === undefined) return;
    entry.source.close();
    entry.source = this.#source(entry.message, transaction, this.#options.timeouts.text);
    entry.preparation = "none";
    transaction.ready = false;
  }

  #abort(transaction: Transaction, cause: unknown): void {
    this.#turn(() => this.#pipeline.abort(transaction, aborted("The message", cause), now()));
  }

  async #ordinary(verb: string, ...given: [] | [string]): Promise<Reply> {
    // Counted: an argument that is undefined is unfit, not absent.
    if (given.length === 0) return this.#send({ command: verb, line: verb });
    const [argument] = given;
    const line = `${verb} ${argument}`;
    const unfit = typeof argument === "string" ? argumentProblem(argument) : "it is no string";
    const problem = unfit ?? commandProblem(line);
    if (problem !== undefined) throw new TypeError(`${verb}: ${shownValue(argument)} is unfit: ${problem}`);
    return this.#send({ command: verb, line });
  }

  #send(command: OrdinaryCommand): Promise<Reply> {
    if (this.#state === "closing" || this.#state === "closed") return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#commands.set(command, { resolve, reject });
      this.#pipeline.enqueueCommand(command);
      this.#open();
      this.#notes.tell();
      this.#schedule();
    });
  }

  #commandEnd(command: OrdinaryCommand, outcome: Reply | SmtpError): void {
    const caller = this.#commands.get(command);
    this.#commands.delete(command);
    if (caller === undefined) return; // a NOOP of our own
    this.#notes.add(() => (outcome instanceof SmtpError ? caller.reject(outcome) : caller.resolve(outcome)));
  }

  // ---- events

  protected override listenerFailed(event: SessionEventName, cause: unknown): void {
    if (event === "warning") return; // told to those who failed it, it would fail again
    const message = `A listener of "${event}" failed: ${causeText(cause)}`;
    this.#tell("warning", { code: "ESMTP_LISTENER_FAILED", message, cause });
    this.#notes.tell();
  }

  // Whether anybody listens is asked when there is something to tell.
  protected override listenersChanged(): void {}

  #wants(event: SessionEventName): boolean {
    return !this.#silent && (this.listenerCount(event) > 0 || this.#diagnostics.wants(event));
  }

  #tell<E extends SessionEventName>(event: E, facts: Facts<E>): void {
    if (!this.#wants(event)) return;
    const time = now();
    this.#notes.add(() => this.#emit(event, facts, time));
  }

  #emit<E extends SessionEventName>(event: E, facts: Facts<E>, time: number = now()): void {
    // The facts themselves become the payload: a copy of each would cost more than all else that is told.
    const stamped: { sessionId?: string; time?: number } = facts as object;
    stamped.sessionId = this.id;
    stamped.time = time;
    const payload = facts as unknown as PayloadOf<E>;
    // Asked before: who subscribes in a listener may do so when the end of what begins here is decided already.
    const mirrored = this.#diagnostics.wants(event);
    (this as { emit(event: E, payload: PayloadOf<E>): boolean }).emit(event, payload);
    if (mirrored) this.#diagnostics.publish(event, payload);
  }
}

function closedError(): SmtpError {
  return new SmtpError("ESMTP_CLOSED", "The session is closed; use a new one", { retryable: true });
}
