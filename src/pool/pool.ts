import { randomBytes } from "node:crypto";
import { SmtpError } from "../protocol/errors.ts";
import type { Reply } from "../protocol/reply.ts";
import { AbortSignals } from "../session/abort.ts";
import { Backlog, type FlushSummary } from "../session/backlog.ts";
import { causeText } from "../session/check.ts";
import { now } from "../session/clock.ts";
import { deliver } from "../session/deliver.ts";
import { GuardedEmitter } from "../session/emitter.ts";
import type { CloseEvent, SessionEvent } from "../session/events.ts";
import type { BeginSending } from "../session/journal.ts";
import { type Delivery, type Message, makeTransaction } from "../session/message.ts";
import { Notes } from "../session/notes.ts";
import { describe } from "../session/observer.ts";
import { poolDoor, type SmtpSession } from "../session/session.ts";
import { guardWaiting } from "../session/source.ts";
import { Timer } from "../session/timer.ts";
import { aborted, roomIn, type WaitOptions, waitSignal } from "../session/wait.ts";
import type { PoolEventName, PoolEvents } from "./events.ts";
import { FairQueue } from "./fair-queue.ts";
import { Forwarding } from "./forwarding.ts";
import type { Member } from "./member.ts";
import { type PoolOptions, type ResolvedPoolOptions, resolvePoolOptions } from "./options.ts";
import { Parcel } from "./parcel.ts";
import type { RelayState } from "./relay-state.ts";
import { Roster } from "./roster.ts";

type Payload<E extends PoolEventName> = Parameters<PoolEvents[E]>[0];
type Facts<E extends PoolEventName> = Omit<Payload<E>, keyof SessionEvent>;

/**
 * Several sessions to one relay, or to several, behind the face of one: few connections with deep pipelines before many
 * connections. Sessions are opened when they are needed, replaced when they end, and let go when there is nothing to do.
 * A message that failed with its connection, and certainly was not taken, goes to another session by itself; one whose
 * fate is unknown never does.
 *
 * @example
 * await using pool = new SmtpPool({ host: "mail.example.org", connections: 2 });
 * for await (const delivery of pool.deliver(messages)) console.log(delivery.id, delivery.ok);
 */
export class SmtpPool extends GuardedEmitter<PoolEvents> implements AsyncDisposable {
  /** Identifies the pool where an event is none of a session's. */
  readonly id: string = randomBytes(6).toString("hex");
  readonly #options: ResolvedPoolOptions;
  readonly #backlog: Backlog;
  readonly #queue = new FairQueue<Parcel>();
  readonly #roster: Roster;
  readonly #forwarding: Forwarding;
  readonly #signals = new AbortSignals();
  readonly #notes = new Notes();
  readonly #timer = new Timer(() => this.#pump());
  /** The flow of those messages that no `deliver()` brings. */
  readonly #single = {};
  #messages = 0;
  /** Messages that no session has. */
  #waiting = 0;
  #scheduled = false;
  #state: "open" | "closing" | "closed" = "open";
  /** `close` is being emitted, or was: nothing comes after it. */
  #silent = false;
  /** Why nothing is sent any more. */
  #ending: SmtpError | undefined;
  #settleClosed: () => void = () => undefined;
  readonly #closed: Promise<void>;

  /**
   * Opens nothing yet: the first message does, or `connect()`.
   * @param options options, or a URL as for a session
   * @throws TypeError that names the option
   */
  constructor(options: PoolOptions | string) {
    super();
    this.#options = resolvePoolOptions(options);
    const { queue, signal, journal } = this.#options;
    this.#backlog = new Backlog(queue);
    let begin: BeginSending | undefined;
    // The journal hears of the fates from the pool: what failed with its connection has none yet.
    const beginOne: BeginSending = async (...of) => begin?.(...of);
    const ofSessions = journal && { attach: () => beginOne };
    this.#roster = new Roster(
      { ...this.#options, journal: ofSessions },
      {
        open: (member) => this.#opened(member),
        ready: (event) => this.#passOn("ready", event),
        error: (event) => this.#passOn("error", event),
        close: (member, event) => this.#memberClosed(member, event),
        available: () => this.#schedule(),
        pace: (state, change, time) => this.#paced(state, change, time),
      },
    );
    this.#forwarding = new Forwarding(
      () => this.sessions,
      (event, payload) => this.#emit(event, payload),
    );
    begin = journal?.attach(this);
    this.#closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    if (signal !== undefined) this.#signals.on(signal, (cause) => this.destroy(aborted("The pool", cause)));
  }

  /** The live sessions. */
  get sessions(): Iterable<SmtpSession> {
    return this.#roster.sessions;
  }

  /** `"closing"`: it takes no new messages; `"closed"`: no event comes any more. */
  get state(): "open" | "closing" | "closed" {
    return this.#state;
  }

  /** Messages whose fate is open. */
  get pending(): number {
    return this.#backlog.messages;
  }

  /** Those of them that no session has yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Relays that are given less than they would take, as they said that it was too much. */
  get pacedRelays(): number {
    return this.#roster.paced;
  }

  /**
   * Opens a session, if there is none, and fulfils when one is ready. For a check at the start: messages do it as well.
   * @throws SmtpError (as a rejection) what the attempt failed with, once no relay is left to try; `ESMTP_ABORTED`
   */
  async connect(options: WaitOptions = {}): Promise<void> {
    const signal = waitSignal(options);
    for (const tried = new Set<RelayState>(); ; ) {
      if (this.#state !== "open") throw this.#ending ?? closedError();
      if (signal?.aborted) throw aborted("connect()", signal.reason);
      const member = this.#roster.first(now(), tried);
      this.#notes.tell();
      if (member === undefined) {
        const nothing = new SmtpError("ESMTP_CONNECT", "No relay can be reached", { retryable: true });
        throw this.#roster.error ?? nothing;
      }
      if (member.ready) return;
      await settled(member.session.connect(), this.#signals, signal);
    }
  }

  /**
   * Queues a message. Fulfils when the fate of every recipient is known, also when everything failed.
   * @throws TypeError (as a rejection) for an argument of the wrong shape, and for nothing else
   */
  pipeline<T>(message: Message<T>): Promise<Delivery<T>> {
    return new Promise((settled) => {
      this.#take(message, this.#single, settled);
    });
  }

  /**
   * Sends messages from a source, and yields their deliveries in order of completion: as a session's `deliver()`.
   * Several at a time share the pool fairly, message by message.
   */
  deliver<T>(
    messages: Iterable<Message<T>> | AsyncIterable<Message<T>>,
    options: WaitOptions = {},
  ): AsyncGenerator<Delivery<T>, void, undefined> {
    const backlog = this.#backlog;
    const flow = {};
    const deliverer = {
      queue: <M>(message: Message<M>, settled: (delivery: Delivery<M>) => void) =>
        this.#take(message, flow, settled),
      abort: (parcel: Parcel, cause: unknown) => this.#abort(parcel, cause),
      get full() {
        return backlog.full;
      },
      room: () => backlog.room(),
      window: this.#options.queue.messages,
    };
    return deliver(deliverer, messages, options);
  }

  /** Fulfils when the queue has room: the backpressure for those who call `pipeline()` in a loop. */
  async ready(options: WaitOptions = {}): Promise<void> {
    await roomIn(this.#backlog, this.#signals, waitSignal(options));
  }

  /** Fulfils when all messages queued before are settled; counts those queued since the previous call. Never rejects. */
  flush(): Promise<FlushSummary> {
    return this.#backlog.flush();
  }

  /**
   * Takes no new messages, settles everything queued, and ends every session with QUIT. Never rejects.
   * @param options `signal`: when it fires, what is not settled yet is given up, as by `destroy()`
   */
  async quit(options: WaitOptions = {}): Promise<void> {
    const signal = waitSignal(options);
    if (this.#state === "open") this.#state = "closing";
    const forget =
      signal === undefined
        ? undefined
        : this.#signals.on(signal, (cause) => this.destroy(aborted("quit()", cause)));
    this.#schedule();
    await this.#closed;
    forget?.();
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
    if (this.#state === "closed" || this.#ending !== undefined) return;
    this.#state = "closing";
    this.#ending =
      error instanceof SmtpError && error.code === "ESMTP_ABORTED"
        ? error
        : new SmtpError("ESMTP_DESTROYED", error?.message ?? "The pool was destroyed", {
            retryable: true,
            cause: error,
          });
    this.#roster.destroy(error);
    this.#failWaiting("aborted", this.#ending);
    this.#pump();
  }

  // ---- messages

  /** @throws TypeError for an argument of the wrong shape */
  #take<T>(given: Message<T>, flow: object, settled: (delivery: Delivery<T>) => void): Parcel {
    const seq = this.#messages + 1;
    const made = makeTransaction(given, `${this.id}-${seq}`, seq, this.#options.lineEndings, now());
    const { message, octets, transaction } = made;
    const gone = message.signal?.aborted ? aborted("The message", message.signal.reason) : undefined;
    this.#messages = seq;
    const batch = this.#backlog.add(octets?.length ?? 0);
    // The tag comes back as it went in.
    const parcel = new Parcel({ made, flow, batch, settled: settled as (delivery: Delivery) => void });
    if (gone !== undefined) this.#fail(parcel, "aborted", gone);
    else if (this.#state !== "open") this.#fail(parcel, "connection", this.#ending ?? closedError());
    else {
      guardWaiting(message.data);
      this.#wait(parcel);
      this.#queue.push(parcel);
      this.#schedule();
    }
    if (this.#wants("messageQueued")) {
      // In the async context of whoever called, before its fate. Its listeners find the message queued.
      this.#notes.now(() => this.#tell("messageQueued", describe(transaction), transaction.queuedAt));
    }
    this.#notes.tell();
    return parcel;
  }

  /** A message waits for a session. */
  #wait(parcel: Parcel): void {
    this.#waiting++;
    const { signal } = parcel.message;
    if (signal !== undefined) parcel.forget = this.#signals.on(signal, (cause) => this.#abort(parcel, cause));
  }

  #waitsNoMore(parcel: Parcel): void {
    this.#waiting--;
    parcel.forget?.();
    parcel.forget = undefined;
  }

  /** Aborts a message as far as that has an effect still: of one that a session has, the session knows. */
  #abort(parcel: Parcel, cause: unknown): void {
    if (parcel.over) return;
    const { session } = parcel;
    parcel.unwanted = true;
    if (session !== undefined) {
      poolDoor.abort(session, parcel.made, cause);
    } else {
      this.#waitsNoMore(parcel);
      this.#fail(parcel, "aborted", aborted("The message", cause));
      this.#schedule();
      this.#notes.tell();
    }
  }

  #give(parcel: Parcel, member: Member, time: number): void {
    this.#waitsNoMore(parcel);
    parcel.session = member.session;
    member.messages++;
    member.open++;
    poolDoor.take(member.session, parcel.made, (delivery) => this.#attempted(parcel, member, delivery));
    this.#roster.given(member, time, parcel.open);
  }

  /** A session is through with a message. */
  #attempted(parcel: Parcel, member: Member, delivery: Delivery): void {
    const { transaction } = parcel.made;
    parcel.session = undefined;
    parcel.attempted(transaction);
    member.open--;
    if (member.open === 0) member.touched();
    if (answered(delivery)) {
      this.#roster.served(member);
      this.#roster.heed(member.state, now(), refusals(delivery));
    }
    const left = parcel.book(delivery);
    if (left === 0) {
      this.#settle(parcel, parcel.whole ? delivery : parcel.delivery, member.session.id);
    } else if (this.#mayRetry(parcel)) {
      this.#retry(parcel, left, delivery, member.session.id);
    } else {
      const error = delivery.error ?? this.#ending ?? closedError();
      this.#fail(parcel, "connection", parcel.lost(error), member.session.id);
    }
    this.#schedule();
    this.#notes.tell();
  }

  #mayRetry(parcel: Parcel): boolean {
    const { signal } = parcel.message;
    const wanted = this.#ending === undefined && !parcel.unwanted && !signal?.aborted;
    return wanted && parcel.attempts < this.#options.attempts && parcel.readable;
  }

  #retry(parcel: Parcel, recipients: number, { error }: Delivery, sessionId: string): void {
    const { id, seq, queuedAt, attempts } = parcel;
    const { startedAt } = parcel.made.transaction;
    parcel.made = makeTransaction(parcel.remainder(), id, seq, this.#options.lineEndings, queuedAt);
    this.#wait(parcel);
    this.#queue.putBack(parcel);
    // What was never begun merely waits on.
    if (startedAt === undefined || !this.#wants("retry")) return;
    const facts: Facts<"retry"> = { messageId: id, messageSeq: seq, attempt: attempts, recipients };
    const payload = error === undefined ? facts : { ...facts, error };
    this.#notes.add(() => this.#tell("retry", payload, now(), sessionId));
  }

  /** Gives those recipients their fate that have none. */
  #fail(
    parcel: Parcel,
    stage: "connection" | "aborted",
    error: SmtpError,
    sessionId: string = this.id,
  ): void {
    const results = parcel.fail(stage, error);
    if (this.#wants("recipientFailed")) {
      const of = { messageId: parcel.id, messageSeq: parcel.seq };
      for (const { status: _, ...result } of results) {
        this.#notes.add(() => this.#tell("recipientFailed", { ...of, ...result }, now(), sessionId));
      }
    }
    this.#settle(parcel, parcel.delivery, sessionId);
  }

  #settle(parcel: Parcel, delivery: Delivery, sessionId: string): void {
    const { id, seq, accepted, bytes, batch, queuedAt } = parcel;
    const time = now();
    parcel.over = true;
    this.#backlog.settle(parcel.octets, batch, delivery);
    if (this.#wants("messageEnd")) {
      const { startedAt = time } = parcel;
      const facts: Facts<"messageEnd"> = {
        messageId: id,
        messageSeq: seq,
        delivery,
        accepted,
        durationMs: time - startedAt,
        waitMs: startedAt - queuedAt,
        bytes,
      };
      this.#notes.add(() => this.#tell("messageEnd", facts, time, sessionId));
    }
    this.#notes.add(() => {
      parcel.settled(delivery);
      this.#backlog.leave(batch);
    });
    if (this.#backlog.drained()) this.#notes.add(() => this.#tell("drain", {}));
    if (this.#backlog.awaited) this.#notes.add(() => this.#backlog.wake());
  }

  #failWaiting(stage: "connection" | "aborted", error: SmtpError): void {
    for (const parcel of this.#queue.drain()) {
      this.#waitsNoMore(parcel);
      this.#fail(parcel, stage, error);
    }
    this.#notes.tell();
  }

  // ---- sessions

  get #over(): boolean {
    return this.#state === "closed";
  }

  /** Calls of one tick share a turn, so that messages queued together leave together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** Gives messages to sessions, and sees to what is due. */
  #pump(): void {
    if (this.#over) return;
    const time = now();
    const roster = this.#roster;
    if (this.#ending === undefined) {
      roster.tend(time);
      for (;;) {
        const parcel = this.#queue.peek();
        const member = parcel === undefined ? undefined : roster.next(time, parcel.open);
        if (parcel === undefined || member === undefined) break;
        this.#queue.shift();
        this.#give(parcel, member, time);
      }
      if (this.#waiting > 0) roster.openMore(time);
      else roster.nobodyWaits();
      const failure = roster.outOfPatience(time);
      if (failure !== undefined) this.#failWaiting("connection", failure);
    }
    this.#wind();
    if (!this.#over) this.#timer.set(roster.deadline(time, this.#waiting > 0));
    this.#notes.tell();
  }

  #opened({ session, openedAt }: Member): void {
    this.#forwarding.add(session);
    const { host, port } = session;
    // At once: what it says of itself comes behind.
    this.#notes.now(() => this.#tell("sessionOpen", { host, port }, openedAt, session.id));
  }

  #memberClosed({ session, retired, messages, openedAt }: Member, event: CloseEvent): void {
    this.#passOn("close", event);
    const { host, port } = session;
    const { reason, time } = event;
    const facts = { host, port, reason, messages, durationMs: time - openedAt };
    const payload = retired === undefined ? facts : { ...facts, retired };
    this.#notes.add(() => this.#tell("sessionClose", payload, time, session.id));
    this.#schedule();
    this.#notes.tell();
  }

  #paced({ relay, pacing }: RelayState, change: "slowed" | "freed", time: number): void {
    const { host, port } = relay.session;
    const { limit } = pacing;
    const facts = { host, port, change, ...(limit !== undefined && { limit }) };
    this.#notes.add(() => this.#tell("pace", facts, time));
  }

  /** Ends the pool once it is to end and everything has its fate. */
  #wind(): void {
    if (this.#state !== "closing" || this.#backlog.messages > 0) return;
    this.#roster.quit();
    if (!this.#roster.empty) return;
    this.#state = "closed";
    this.#timer.clear();
    this.#signals.clear();
    this.#notes.last(() => {
      const reason = this.#ending === undefined ? "quit" : "aborted";
      this.#silent = true; // for what its listeners bring about
      this.#emit("close", { sessionId: this.id, time: now(), reason });
      this.removeAllListeners();
      this.#settleClosed();
    });
  }

  // ---- events

  protected override listenersChanged(event: PoolEventName): void {
    this.#forwarding.want(event, this.#wants(event));
  }

  protected override listenerFailed(event: PoolEventName, cause: unknown): void {
    if (event === "warning") return; // told to those who failed it, it would fail again
    const message = `A listener of "${event}" failed: ${causeText(cause)}`;
    this.#notes.add(() => this.#tell("warning", { code: "ESMTP_LISTENER_FAILED", message, cause }));
    this.#notes.tell();
  }

  #wants(event: PoolEventName): boolean {
    return !this.#silent && this.listenerCount(event) > 0;
  }

  #tell<E extends PoolEventName>(
    event: E,
    facts: Facts<E>,
    time: number = now(),
    sessionId: string = this.id,
  ): void {
    if (this.#wants(event)) this.#emit(event, { sessionId, time, ...facts });
  }

  #passOn(event: PoolEventName, payload: object): void {
    if (this.#wants(event)) this.#emit(event, payload);
  }

  #emit(event: PoolEventName, payload: object): void {
    (this as { emit(event: PoolEventName, payload: object): boolean }).emit(event, payload);
  }
}

/** Whether a server has said something to a message: its connection was good for something. */
function answered({ recipients }: Delivery): boolean {
  return recipients.some(
    ({ status, reply }: { status: string; reply?: unknown }) => status === "succeeded" || reply !== undefined,
  );
}

/** The replies that refused recipients: of a text that all were refused with, one. */
function refusals({ failed }: Delivery): Reply[] {
  const replies = new Set<Reply>();
  for (const { reply } of failed) if (reply !== undefined) replies.add(reply);
  return [...replies];
}

/** Fulfils when an attempt has succeeded or failed, or the signal has fired. */
function settled(
  attempt: Promise<void>,
  signals: AbortSignals,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    const forget = signal === undefined ? undefined : signals.on(signal, () => resolve());
    const over = (): void => {
      forget?.();
      resolve();
    };
    attempt.then(over, over);
  });
}

function closedError(): SmtpError {
  return new SmtpError("ESMTP_CLOSED", "The pool is closed; use a new one", { retryable: true });
}
