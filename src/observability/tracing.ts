import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { CommandGroup } from "../pipeline/group.ts";
import type { RetryEvent } from "../pool/events.ts";
import type {
  CloseEvent,
  ConnectEvent,
  ConnectingEvent,
  ErrorEvent,
  MessageEndEvent,
  MessageQueuedEvent,
  SessionEvent,
} from "../session/events.ts";
import type { Delivery } from "../session/message.ts";
import { commandsOf } from "./commands.ts";
import { forgetSpan, forgetSpans, rememberSpan, spanOfMessage } from "./spans.ts";
import { attach, checkNames, isItsEnd, isSession, type Listeners, type ObservationTarget } from "./target.ts";
import * as name from "./tracing/attributes.ts";
import { deliveryFailure, errorFailure, type Failure, groupFailure } from "./tracing/status.ts";
import { HANDSHAKE_VERBS, OTHER, REPLY_VERBS } from "./verbs.ts";
import { PACKAGE_NAME, PACKAGE_VERSION } from "./version.ts";

export type { ObservationTarget, ObservedSession } from "./target.ts";

/** Options of {@link attachTracing}. */
export interface TracingOptions {
  /** Where spans go. Default: the global provider, also if it is registered later. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Whether spans carry the recipients' addresses. Default false. */
  readonly recordRecipients?: boolean | undefined;
}

/**
 * Traces a session, or a pool, with OpenTelemetry:
 *
 * - `smtp connect`, until the session is ready, a child of the context in which it was made to connect
 * - `smtp send`, one per message, a child of the context in which `pipeline()` was called
 * - one span per command group, named by its verbs: `EHLO`, or `PIPELINE text MAIL RCPT DATA`; a child of the message
 *   it carries, or of the last of several, with links to all of them
 *
 * Spans hold no address (unless `recordRecipients`), no credential and no text of the server; `messaging.message.id` is
 * the `id` that you gave the message. Without an SDK nothing is recorded, but the events it listens to are built all
 * the same: the README has what that costs (`npm run bench -- observability`). Ends by itself when the target closes.
 *
 * @returns a function that detaches; spans that are open end then
 * @throws TypeError that names the option
 *
 * @example
 * import { attachTracing } from "smtp-pipelining/tracing";
 * attachTracing(session);
 */
export function attachTracing(target: ObservationTarget, options: TracingOptions = {}): () => void {
  checkNames(options, ["tracerProvider", "recordRecipients"]);
  const { tracerProvider = trace.getTracerProvider(), recordRecipients = false } = options;
  if (typeof tracerProvider?.getTracer !== "function") {
    throw new TypeError("options.tracerProvider must be a TracerProvider of OpenTelemetry");
  }
  if (typeof recordRecipients !== "boolean")
    throw new TypeError("options.recordRecipients must be a boolean");
  const tracer = tracerProvider.getTracer(PACKAGE_NAME, PACKAGE_VERSION);
  const tracing = new Tracing(target, tracer, recordRecipients);
  const detachEvents = attach(target, tracing.listeners);
  const detach = (): void => {
    detachEvents();
    tracing.end();
  };
  tracing.closed = detach;
  return detach;
}

/** A message under way, or one whose last groups are. */
interface SentMessage {
  readonly span: Span;
  /** What the spans of its groups are children of. */
  readonly context: Context;
}

/** What is known of a session between its events. */
class SessionSpans {
  /** On every span of the session. */
  attributes: Attributes;
  connect: Span | undefined;
  connectContext: Context = ROOT_CONTEXT;
  readonly messages = new Map<number, SentMessage>();
  /** Messages that are over, and the last group that may carry something of them, oldest first. */
  ended: { readonly seq: number; readonly group: number }[] = [];
  lastGroupStarted = 0;
  lastGroupEnded = 0;

  constructor(attributes: Attributes) {
    this.attributes = attributes;
  }
}

class Tracing {
  /** Called when the target has closed. */
  closed: () => void = () => undefined;
  readonly #tracer: Tracer;
  readonly #recordRecipients: boolean;
  readonly #target: ObservationTarget;
  readonly #sessions = new Map<string, SessionSpans>();

  constructor(target: ObservationTarget, tracer: Tracer, recordRecipients: boolean) {
    this.#target = target;
    this.#tracer = tracer;
    this.#recordRecipients = recordRecipients;
  }

  get listeners(): Listeners {
    return {
      connecting: (event) => this.#connecting(event),
      connect: (event) => this.#connect(event),
      ready: ({ sessionId, time }) => this.#connected(this.#sessions.get(sessionId), time),
      messageQueued: (event) => this.#messageQueued(event),
      // A session has its messages from the beginning.
      ...(!isSession(this.#target) && {
        messageStart: ({ sessionId, messageSeq }) => this.#move(messageSeq, this.#target.id, sessionId),
        retry: (event) => this.#retry(event),
      }),
      messageEnd: (event) => this.#messageEnd(event),
      groupStart: (event) => {
        this.#of(event).lastGroupStarted = event.groupId;
      },
      groupEnd: (event) => this.#groupEnd(this.#of(event), event.group, event.sessionId),
      error: (event) => this.#failed(event),
      close: (event) => this.#close(event),
    };
  }

  /** Ends what is open: nothing more will be heard of it. */
  end(): void {
    // By the clock of the events: an SDK's own may be a fraction behind it, and a span would end before it began.
    const time = performance.timeOrigin + performance.now();
    const sessions = [...this.#sessions];
    this.#sessions.clear();
    for (const [id] of sessions) forgetSpans(id);
    for (const [, session] of sessions) endAll(session, time);
  }

  // ---- the connection

  #connecting(event: ConnectingEvent): void {
    const session = this.#of(event);
    // The caller's context: the event is emitted inside the call that made the session connect.
    const parent = context.active();
    const { attributes } = session;
    session.connect = this.#tracer.startSpan(
      "smtp connect",
      { kind: SpanKind.CLIENT, startTime: event.time, attributes },
      parent,
    );
    session.connectContext = trace.setSpan(parent, session.connect);
  }

  #connect(event: ConnectEvent): void {
    const session = this.#of(event);
    const { remoteAddress, port } = event;
    if (remoteAddress === undefined) return; // a Unix socket's path is known already
    const peer = { [name.NETWORK_PEER_ADDRESS]: remoteAddress, [name.NETWORK_PEER_PORT]: port };
    session.attributes = { ...session.attributes, ...peer };
    session.connect?.setAttributes(peer);
  }

  #connected(session: SessionSpans | undefined, time: number, failure?: Failure): void {
    if (session?.connect === undefined) return;
    const span = session.connect;
    session.connect = undefined;
    if (failure !== undefined) fail(span, failure);
    span.end(time);
  }

  #failed({ sessionId, error, time }: ErrorEvent): void {
    const failure = errorFailure(error.code);
    const { reply } = error;
    // A refusal is known by its code, as everywhere.
    const refused = reply === undefined ? failure : { ...failure, type: String(reply.code) };
    this.#connected(this.#sessions.get(sessionId), time, refused);
  }

  #close(event: CloseEvent): void {
    const { sessionId, time } = event;
    const session = this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    forgetSpans(sessionId);
    try {
      this.#connected(session, time, errorFailure("ESMTP_DESTROYED"));
      if (session !== undefined) endAll(session, time);
    } finally {
      if (isItsEnd(this.#target, event)) this.closed();
    }
  }

  // ---- messages

  #messageQueued({ sessionId, messageId, messageSeq, recipients, time }: MessageQueuedEvent): void {
    const session = this.#of({ sessionId });
    // Captured here and in no other listener: those run in the context of whoever made the session connect.
    const parent = context.active();
    const span = this.#tracer.startSpan(
      "smtp send",
      {
        kind: SpanKind.CLIENT,
        startTime: time,
        attributes: {
          ...session.attributes,
          [name.MESSAGING_SYSTEM]: "smtp",
          [name.MESSAGING_OPERATION_NAME]: "send",
          [name.MESSAGING_OPERATION_TYPE]: "send",
          [name.MESSAGING_MESSAGE_ID]: messageId,
          [name.MESSAGE_SEQ]: messageSeq,
          [name.RECIPIENTS_COUNT]: recipients,
        },
      },
      parent,
    );
    session.messages.set(messageSeq, { span, context: trace.setSpan(parent, span) });
    const spanContext = span.spanContext();
    if ((spanContext.traceFlags & TraceFlags.SAMPLED) !== 0) rememberSpan(sessionId, messageSeq, spanContext);
  }

  /** A message of a pool is with the pool until a session begins it, and again when it is to be tried once more. */
  #move(seq: number, from: string | undefined, to: string | undefined): void {
    if (from === undefined || to === undefined) return;
    const there = this.#sessions.get(from);
    const message = there?.messages.get(seq);
    if (there === undefined || message === undefined) return;
    there.messages.delete(seq);
    this.#of({ sessionId: to }).messages.set(seq, message);
    const name = spanOfMessage(from, seq);
    forgetSpan(from, seq);
    if (name !== undefined) rememberSpan(to, seq, name);
  }

  #retry({ sessionId, messageSeq, attempt, recipients, error, time }: RetryEvent): void {
    const { span } = this.#sessions.get(sessionId)?.messages.get(messageSeq) ?? {};
    span?.addEvent(
      name.RETRY_EVENT,
      {
        [name.RETRY_ATTEMPT]: attempt,
        [name.RECIPIENTS_COUNT]: recipients,
        [name.SESSION_ID]: sessionId,
        ...(error !== undefined && { [name.ERROR_TYPE]: error.code }),
      },
      time,
    );
    this.#move(messageSeq, sessionId, this.#target.id);
  }

  #messageEnd(event: MessageEndEvent): void {
    const { messageSeq, time } = event;
    // What a session of a pool turned away unbegun is with the pool still.
    const begun = this.#sessions.get(event.sessionId)?.messages.has(messageSeq) === true;
    const sessionId = begun ? event.sessionId : (this.#target.id ?? event.sessionId);
    const session = this.#sessions.get(sessionId);
    const message = session?.messages.get(messageSeq);
    if (session === undefined || message === undefined) return; // queued before this was attached
    const { span } = message;
    try {
      if (span.isRecording()) this.#record(span, event, session.attributes);
      span.end(time);
    } finally {
      // Also where a processor of the application's throws, else what is over is kept for ever.
      // Its last groups may still be open, and their spans are its children.
      session.ended.push({ seq: messageSeq, group: session.lastGroupStarted });
      if (session.lastGroupEnded >= session.lastGroupStarted) this.#letGo(sessionId, session);
    }
  }

  #record(span: Span, event: MessageEndEvent, ofSession: Attributes): void {
    const { delivery, accepted, bytes, waitMs } = event;
    const { succeeded, failed, unknown, reply } = delivery;
    span.setAttributes({
      ...ofSession,
      [name.RECIPIENTS_ACCEPTED]: accepted,
      [name.RECIPIENTS_SUCCEEDED]: succeeded.length,
      [name.RECIPIENTS_FAILED]: failed.length,
      [name.RECIPIENTS_UNKNOWN]: unknown.length,
      [name.MESSAGE_SIZE]: bytes,
      [name.MESSAGE_WAIT_MS]: waitMs,
      ...(reply !== undefined && { [name.RESPONSE_STATUS_CODE]: reply.code }),
      ...(reply?.enhanced !== undefined && { [name.RESPONSE_ENHANCED_STATUS_CODE]: reply.enhanced }),
    });
    if (this.#recordRecipients) {
      const addresses = delivery.recipients.slice(0, name.MOST).map(({ address }) => address);
      span.setAttribute(name.RECIPIENTS_ADDRESSES, addresses);
    }
    this.#recordFailed(span, delivery, event.time);
    const failure = deliveryFailure(delivery);
    if (failure !== undefined) fail(span, failure);
  }

  #recordFailed(span: Span, { failed }: Delivery, time: number): void {
    for (const { address, stage, retryable, reply, error } of failed.slice(0, name.MOST)) {
      const attributes: Attributes = {
        [name.RECIPIENT_STAGE]: stage,
        [name.RECIPIENT_RETRYABLE]: retryable,
        ...(reply !== undefined && { [name.RESPONSE_STATUS_CODE]: reply.code }),
        ...(reply?.enhanced !== undefined && { [name.RESPONSE_ENHANCED_STATUS_CODE]: reply.enhanced }),
        ...(error !== undefined && { [name.ERROR_TYPE]: error.code }),
        ...(this.#recordRecipients && { [name.RECIPIENT_ADDRESS]: address }),
      };
      span.addEvent(name.RECIPIENT_FAILED_EVENT, attributes, time);
    }
    if (failed.length > name.MOST) {
      span.setAttribute(name.RECIPIENTS_EVENTS_DROPPED, failed.length - name.MOST);
    }
  }

  // ---- groups

  #groupEnd(session: SessionSpans, group: CommandGroup, sessionId: string): void {
    session.lastGroupEnded = group.id;
    const messages = group.messageSeqs.filter((seq) => session.messages.has(seq));
    const last = session.messages.get(messages.at(-1) ?? -1);
    // A group of the handshake belongs to the connection. Others without a message (NOOP, QUIT) belong to nothing.
    const opening = group.exchanges.some(({ command }) => HANDSHAKE_VERBS.includes(command));
    const parent = last?.context ?? (opening ? session.connectContext : ROOT_CONTEXT);
    // A later EHLO, which probes a server, is none of the handshake's.
    if (session.connect === undefined) session.connectContext = ROOT_CONTEXT;
    // Without an SDK the message's span is none: its groups need not be described.
    try {
      if (last === undefined || isSpanContextValid(last.span.spanContext())) {
        this.#groupSpan(session, group, messages, parent);
      }
    } finally {
      this.#letGo(sessionId, session);
    }
  }

  #groupSpan(session: SessionSpans, group: CommandGroup, messages: readonly number[], parent: Context): void {
    const links = messages.slice(0, name.MOST).flatMap((seq): Link[] => {
      const span = session.messages.get(seq)?.span.spanContext();
      if (span === undefined) return [];
      return [
        {
          context: span,
          attributes: { [name.MESSAGE_SEQ]: seq, [name.MESSAGE_PART]: partOf(seq, group) },
        },
      ];
    });
    const options = { kind: SpanKind.CLIENT, startTime: group.startedAt, links };
    const span = this.#tracer.startSpan(groupName(group), options, parent);
    if (span.isRecording()) {
      span.setAttributes({
        ...session.attributes,
        [name.GROUP_ID]: group.id,
        [name.GROUP_COMMANDS]: commandsOf(group).length,
        [name.GROUP_BYTES_SENT]: group.bytesSent,
        [name.GROUP_REPLIES]: group.exchanges.filter(({ reply }) => reply !== undefined).length,
        ...(messages.length >= 2 && { [name.GROUP_BATCH_SIZE]: messages.length }),
        ...(group.firstReplyMs !== undefined && { [name.GROUP_FIRST_REPLY_MS]: group.firstReplyMs }),
        ...(messages.length > name.MOST && { [name.GROUP_LINKS_DROPPED]: messages.length - name.MOST }),
      });
      const failure = groupFailure(group);
      if (failure !== undefined) fail(span, failure);
    }
    span.end(group.startedAt + group.durationMs);
  }

  /** Forgets the messages that are over and have no open group: later, for metrics may ask for their spans still. */
  #letGo(sessionId: string, session: SessionSpans): void {
    const over = session.ended.filter(({ group }) => group <= session.lastGroupEnded);
    if (over.length === 0) return;
    session.ended = session.ended.slice(over.length);
    for (const { seq } of over) session.messages.delete(seq);
    queueMicrotask(() => {
      for (const { seq } of over) forgetSpan(sessionId, seq);
    });
  }

  #of({ sessionId }: Pick<SessionEvent, "sessionId">): SessionSpans {
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) return known;
    const session = new SessionSpans(this.#describe(sessionId));
    this.#sessions.set(sessionId, session);
    return session;
  }

  #describe(sessionId: string): Attributes {
    for (const { id, host, port, remoteAddress, protocol = "smtp" } of this.#target.sessions) {
      if (id !== sessionId) continue;
      return {
        [name.SERVER_ADDRESS]: host,
        // A Unix socket has none.
        ...(port !== 0 && { [name.SERVER_PORT]: port }),
        [name.NETWORK_PROTOCOL_NAME]: protocol,
        [name.SESSION_ID]: sessionId,
        ...(remoteAddress !== undefined && {
          [name.NETWORK_PEER_ADDRESS]: remoteAddress,
          [name.NETWORK_PEER_PORT]: port,
        }),
      };
    }
    return { [name.NETWORK_PROTOCOL_NAME]: "smtp", [name.SESSION_ID]: sessionId };
  }
}

/** The distinct verbs in their order, and no count: so the names are few. */
function groupName(group: CommandGroup): string {
  const commands = commandsOf(group);
  const verbs = new Set(commands.map(({ command }) => (REPLY_VERBS.includes(command) ? command : OTHER)));
  if (verbs.size === 0) return "text"; // cut off before its end
  return `${commands.length > 1 ? "PIPELINE " : ""}${[...verbs].join(" ")}`;
}

function partOf(seq: number, { exchanges }: CommandGroup): "start" | "end" | "whole" {
  let envelope = false;
  let text = false;
  for (const { messageSeq, command } of exchanges) {
    if (messageSeq !== seq) continue;
    if (command === "text" || command === "BDAT") text = true;
    // It leads an envelope, or stands behind a text: it says nothing of either.
    else if (command !== "RSET") envelope = true;
  }
  if (!envelope) return "end";
  return text ? "whole" : "start";
}

function fail(span: Span, { type, status }: Failure): void {
  span.setAttribute(name.ERROR_TYPE, type);
  span.setStatus(status);
}

function endAll(session: SessionSpans, time: number): void {
  const over = new Set(session.ended.map(({ seq }) => seq));
  session.connect?.end(time);
  session.connect = undefined;
  for (const [seq, { span }] of session.messages) if (!over.has(seq)) span.end(time);
  session.messages.clear();
}
