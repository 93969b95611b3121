import { type Channel, channel, type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import type { CommandGroup } from "../pipeline/group.ts";
import type { SmtpError } from "../protocol/errors.ts";
import type {
  PayloadOf,
  ReadyEvent,
  RecipientFailedEvent,
  RecipientSucceededEvent,
  RecipientUnknownEvent,
  SessionEventName,
} from "./events.ts";
import type { Delivery } from "./message.ts";

/**
 * What the tracing channel `smtp-pipelining:connect` carries: from `connecting` to `ready`, or to the failure.
 * Like every tracing channel's, the object is the same at `start`, `end`, `asyncStart`, `asyncEnd` and `error`.
 */
export interface ConnectTrace {
  readonly sessionId: string;
  readonly host: string;
  readonly port: number;
  /** At the end, if it succeeded. */
  result?: ReadyEvent;
  /** At the end, if it failed. Neither is there if the caller closed the session before. */
  error?: SmtpError;
}

/** What the tracing channel `smtp-pipelining:group` carries: one command group. */
export interface GroupTrace {
  readonly sessionId: string;
  readonly groupId: number;
  /** At the end. */
  result?: CommandGroup;
  /** At the end, if the session failed while replies were owed. */
  error?: SmtpError;
}

/** What the tracing channel `smtp-pipelining:message` carries: one message, from `pipeline()` to its delivery. */
export interface MessageTrace {
  readonly sessionId: string;
  readonly messageId: string;
  readonly messageSeq: number;
  readonly from: string;
  /** How many recipients it has. */
  readonly recipients: number;
  readonly size?: number;
  /** At the end. */
  result?: Delivery;
  /** At the end, if an error decided the message. */
  error?: SmtpError;
}

/** What the channel `smtp-pipelining:recipient` carries: a recipient's event with its fate. */
export type RecipientTrace =
  | (RecipientSucceededEvent & { readonly status: "succeeded" })
  | (RecipientFailedEvent & { readonly status: "failed" })
  | (RecipientUnknownEvent & { readonly status: "unknown" });

const connects: TracingChannel<string, ConnectTrace> = tracingChannel("smtp-pipelining:connect");
const groups: TracingChannel<string, GroupTrace> = tracingChannel("smtp-pipelining:group");
const messages: TracingChannel<string, MessageTrace> = tracingChannel("smtp-pipelining:message");
const recipients: Channel = channel("smtp-pipelining:recipient");
const errors: Channel = channel("smtp-pipelining:error");

/**
 * Mirrors a session's events on channels of `node:diagnostics_channel`, where monitoring agents subscribe without
 * touching the program: the tracing channels `smtp-pipelining:connect`, `:group` and `:message`, and the channels
 * `:recipient` (a {@link RecipientTrace}) and `:error` (an {@link ErrorEvent}).
 */
export class Diagnostics {
  #connect: ConnectTrace | undefined;
  readonly #groups = new Map<number, GroupTrace>();
  readonly #messages = new Map<number, MessageTrace>();

  /**
   * Whether anything mirrors the event: a beginning, if anybody subscribed; an end, also if its beginning was published.
   * The latter alone won't do: an end can be noted before its beginning is told.
   */
  wants(event: SessionEventName): boolean {
    switch (event) {
      case "connecting":
        return connects.hasSubscribers;
      case "ready":
      case "close":
        return connects.hasSubscribers || this.#connect !== undefined;
      case "error":
        return errors.hasSubscribers || connects.hasSubscribers || this.#connect !== undefined;
      case "groupStart":
        return groups.hasSubscribers;
      case "groupEnd":
        return groups.hasSubscribers || this.#groups.size > 0;
      case "messageQueued":
        return messages.hasSubscribers;
      case "messageEnd":
        return messages.hasSubscribers || this.#messages.size > 0;
      case "recipientSucceeded":
      case "recipientFailed":
      case "recipientUnknown":
        return recipients.hasSubscribers;
      default:
        return false;
    }
  }

  publish<E extends SessionEventName>(event: E, payload: PayloadOf<E>): void {
    (this.#mirrors[event] as ((payload: PayloadOf<E>) => void) | undefined)?.(payload);
  }

  readonly #mirrors: { readonly [E in SessionEventName]?: (payload: PayloadOf<E>) => void } = {
    connecting: ({ sessionId, host, port }) => {
      this.#connect = { sessionId, host, port };
      begin(connects, this.#connect);
    },
    ready: (event) => {
      if (this.#connect !== undefined) this.#connect.result = event;
      this.#connected();
    },
    error: (event) => {
      if (this.#connect !== undefined) this.#connect.error = event.error;
      this.#connected();
      errors.publish(event);
    },
    close: () => this.#connected(),

    groupStart: ({ sessionId, groupId }) => {
      const trace = { sessionId, groupId };
      this.#groups.set(groupId, trace);
      begin(groups, trace);
    },
    groupEnd: ({ group }) => {
      const trace = this.#groups.get(group.id);
      this.#groups.delete(group.id);
      if (trace === undefined) return; // subscribed since
      trace.result = group;
      if (group.error !== undefined) trace.error = group.error;
      end(groups, trace);
    },

    messageQueued: ({ time: _, ...trace }) => {
      this.#messages.set(trace.messageSeq, trace);
      begin(messages, trace);
    },
    messageEnd: ({ messageSeq, delivery }) => {
      const trace = this.#messages.get(messageSeq);
      this.#messages.delete(messageSeq);
      if (trace === undefined) return;
      trace.result = delivery;
      if (delivery.error !== undefined) trace.error = delivery.error;
      end(messages, trace);
    },

    recipientSucceeded: (event) =>
      recipients.publish({ ...event, status: "succeeded" } satisfies RecipientTrace),
    recipientFailed: (event) => recipients.publish({ ...event, status: "failed" } satisfies RecipientTrace),
    recipientUnknown: (event) => recipients.publish({ ...event, status: "unknown" } satisfies RecipientTrace),
  };

  #connected(): void {
    const trace = this.#connect;
    this.#connect = undefined;
    if (trace !== undefined) end(connects, trace);
  }
}

/** As `tracePromise` does around the call that returns the promise. */
function begin<T extends object>(traced: TracingChannel<string, T>, trace: T): void {
  traced.start.publish(trace);
  traced.end.publish(trace);
}

/** As `tracePromise` does when the promise is settled. */
function end<T extends { error?: SmtpError }>(traced: TracingChannel<string, T>, trace: T): void {
  if (trace.error !== undefined) traced.error.publish(trace);
  traced.asyncStart.publish(trace);
  traced.asyncEnd.publish(trace);
}
