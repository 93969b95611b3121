import type { CommandGroup } from "../pipeline/group.ts";
import { classifyReply } from "../protocol/classify.ts";
import type { SmtpError } from "../protocol/errors.ts";
import type { MessageEndEvent, SessionEvent } from "../session/events.ts";
import { commandsOf } from "./commands.ts";
import { type Instruments, makeInstruments } from "./metrics/instruments.ts";
import {
  connectionResult,
  groupKind,
  groupResult,
  messageResult,
  recipientResult,
} from "./metrics/labels.ts";
import type { PrometheusModule, PrometheusRegister } from "./metrics/prometheus.ts";
import { spanOfMessage } from "./spans.ts";
import {
  attach,
  checkNames,
  checkTarget,
  isItsEnd,
  isOver,
  type Listeners,
  type ObservationTarget,
} from "./target.ts";

export type {
  CounterMetric,
  GaugeMetric,
  HistogramMetric,
  Labels,
  MetricConfiguration,
  PrometheusModule,
  PrometheusRegister,
} from "./metrics/prometheus.ts";
export type { ObservationTarget, ObservedSession } from "./target.ts";

/** Options of {@link attachMetrics}. */
export interface MetricsOptions {
  /** Your prom-client module: `import * as prometheus from "prom-client"`. */
  readonly prometheus: PrometheusModule;
  /** Where the metrics live. Default: `prometheus.register`. */
  readonly register?: PrometheusRegister | undefined;
  /** The value of the label `client`, which tells your sessions or pools apart. Default `"default"`. */
  readonly client?: string | undefined;
  /** What every name begins with. Default `"smtp_client_"`. */
  readonly prefix?: string | undefined;
  /** Upper bounds of the latency histograms: seconds, ascending. Default: 0.005 to 600. */
  readonly buckets?: readonly number[] | undefined;
}

/**
 * Counts and measures what a session, or a pool, does, in Prometheus metrics. Driven by its events alone.
 * Many sessions may share one register, and a client name: their counts add up. Attaching the same session again counts
 * nothing twice. Metrics never disturb a session: what
 * fails while counting is counted in `telemetry_errors_total`. Ends by itself when the target closes.
 *
 * @returns a function that detaches; the metrics stay in the register with their values
 * @throws TypeError that names the option; Error if the register has other metrics of these names
 *
 * @example
 * import * as prometheus from "prom-client";
 * import { attachMetrics } from "smtp-pipelining/metrics";
 * attachMetrics(session, { prometheus, client: "newsletter" });
 * console.log(await prometheus.register.metrics());
 */
export function attachMetrics(target: ObservationTarget, options: MetricsOptions): () => void {
  const { prometheus, register, client, prefix, buckets } = checked(options);
  checkTarget(target); // before anything is made in the register
  const attachment = attachmentOf(target, register, { prefix, client }, () => {
    const instruments = makeInstruments({ prometheus, register, prefix, client, buckets });
    const counting = new Counting(target, instruments);
    const detachEvents = attach(target, counting.listeners);
    const unwatch = counting.watch();
    const end = (): void => {
      detachEvents();
      for (const off of unwatch) off();
    };
    counting.closed = end;
    // No `close` will come: the register would keep the session for its gauges.
    if (isOver(target)) end();
    return end;
  });
  attachment.users++;
  let attached = true;
  return () => {
    if (attached && --attachment.users === 0) attachment.end();
    attached = false;
  };
}

interface Attachment {
  /** How often it was asked for, and is still wanted. */
  users: number;
  /** One of its metrics: the register may have been cleared since. */
  readonly metric: unknown;
  end(): void;
}

const attachments = new WeakMap<ObservationTarget, WeakMap<PrometheusRegister, Map<string, Attachment>>>();

/** What is attached already is not attached again: it would count everything twice. */
function attachmentOf(
  target: ObservationTarget,
  register: PrometheusRegister,
  { prefix, client }: { readonly prefix: string; readonly client: string },
  make: () => () => void,
): Attachment {
  const name = `${prefix} ${client}`;
  const metric = (): unknown => register.getSingleMetric(`${prefix}build_info`);
  const found = attachments.get(target)?.get(register)?.get(name);
  if (found !== undefined && found.metric === metric()) return found;
  found?.end(); // it counts into what was cleared from the register
  const end = make();
  const ofTarget = attachments.get(target) ?? new WeakMap<PrometheusRegister, Map<string, Attachment>>();
  const ofRegister = ofTarget.get(register) ?? new Map<string, Attachment>();
  attachments.set(target, ofTarget);
  ofTarget.set(register, ofRegister);
  const attachment: Attachment = {
    users: 0,
    metric: metric(),
    end: () => {
      if (ofRegister.get(name) === attachment) ofRegister.delete(name);
      end();
    },
  };
  ofRegister.set(name, attachment);
  return attachment;
}

/** What is known of a session between its events. */
interface Progress {
  connectingAt: number | undefined;
  ready: boolean;
  error: SmtpError | undefined;
}

class Counting {
  /** Called when the target has closed. */
  closed: () => void = () => undefined;
  readonly #target: ObservationTarget;
  readonly #metrics: Instruments;
  readonly #progress = new Map<string, Progress>();

  constructor(target: ObservationTarget, metrics: Instruments) {
    this.#target = target;
    this.#metrics = metrics;
    for (const { id, state } of target.sessions) {
      const ready = state === "ready" || state === "closing";
      this.#progress.set(id, { connectingAt: undefined, ready, error: undefined });
    }
  }

  /** Each in a guard: what fails here is counted, and never reaches the session. */
  get listeners(): Listeners {
    return {
      connecting: this.#guarded((event) => {
        this.#of(event).connectingAt = event.time;
      }),
      ready: this.#guarded((event) => {
        const progress = this.#of(event);
        progress.ready = true;
        this.#connected("ready", progress, event.time);
      }),
      groupEnd: this.#guarded((event) => this.#group(event.group, event.sessionId)),
      messageEnd: this.#guarded((event) => this.#message(event)),
      retry: this.#guarded(() => this.#metrics.retries(1)),
      sessionClose: this.#guarded(({ retired }) => {
        if (retired !== undefined) this.#metrics.retirements(1, retired);
      }),
      pace: this.#guarded(({ change }) => {
        if (change === "slowed") this.#metrics.slowdowns(1);
      }),
      warning: this.#guarded((event) => this.#metrics.warnings(1, event.code)),
      error: this.#guarded((event) => {
        this.#of(event).error = event.error;
        this.#metrics.errors(1, event.error.code);
      }),
      close: this.#guarded((event) => {
        const progress = this.#of(event);
        this.#progress.delete(event.sessionId);
        if (progress.ready) this.#metrics.disconnections(1, event.reason);
        else this.#connected(connectionResult(progress.error, event.reason), progress, event.time);
        if (isItsEnd(this.#target, event)) this.closed();
      }),
    };
  }

  /** The gauges ask when they are read, so they can't drift. */
  watch(): (() => void)[] {
    const sum = (of: "pending" | "repliesOwed"): number => {
      let total = 0;
      for (const session of this.#target.sessions) total += session[of];
      return total;
    };
    const { sessions, pending, waiting, pacedRelays, outstanding } = this.#metrics;
    return [
      sessions(() => Array.from(this.#target.sessions, ({ state }) => [1, state] as const)),
      pending(() => [[this.#target.pending ?? sum("pending")]]),
      waiting(() => [[this.#target.waiting ?? 0]]),
      pacedRelays(() => [[this.#target.pacedRelays ?? 0]]),
      outstanding(() => [[sum("repliesOwed")]]),
    ];
  }

  #connected(result: string, { connectingAt }: Progress, time: number): void {
    if (connectingAt === undefined) return; // it never tried, or not while this was attached
    this.#metrics.connections(1, result);
    this.#metrics.connectDuration((time - connectingAt) / 1_000, undefined, result);
  }

  #group(group: CommandGroup, sessionId: string): void {
    const metrics = this.#metrics;
    const commands = commandsOf(group);
    // Counted here first: a burst is one group of hundreds of commands, and few kinds.
    const said = new Map<string, number>();
    for (const { command } of commands) if (command !== "greeting") count(said, command);
    for (const [command, times] of said) metrics.commands(times, command);
    let message: number | undefined;
    const answers = new Map<string, Map<number, number>>();
    for (const { command, reply, messageSeq } of group.exchanges) {
      message = messageSeq ?? message;
      if (reply === undefined) continue;
      const byClass = answers.get(command) ?? new Map<number, number>();
      answers.set(command, byClass);
      count(byClass, Math.trunc(reply.code / 100));
    }
    for (const [command, byClass] of answers) {
      for (const [first, times] of byClass) metrics.replies(times, command, `${first}xx`);
    }
    const kind = groupKind(group);
    metrics.groups(1, kind, groupResult(group));
    metrics.groupDuration(group.durationMs / 1_000, spanOfMessage(sessionId, message), kind);
    metrics.groupCommands(commands.length, undefined);
    const answered = commands.filter(({ reply }) => reply !== undefined).length;
    if (answered > 1) metrics.roundTripsSaved(answered - 1);
    if (group.bytesSent > 0) metrics.bytes(group.bytesSent, "sent");
    if (group.bytesReceived > 0) metrics.bytes(group.bytesReceived, "received");
  }

  #message({
    sessionId,
    messageSeq,
    delivery,
    accepted,
    durationMs,
    waitMs,
    bytes,
    time,
  }: MessageEndEvent): void {
    const metrics = this.#metrics;
    const span = spanOfMessage(sessionId, messageSeq);
    const result = messageResult(delivery);
    metrics.messages(1, result);
    metrics.messageDuration(durationMs / 1_000, span, result);
    metrics.messageWait(waitMs / 1_000, span);
    metrics.messageRecipients(delivery.recipients.length, span);
    if (bytes > 0) metrics.messageSize(bytes, span);
    if (accepted > 0) metrics.recipientsAccepted(accepted);
    for (const recipient of delivery.recipients) {
      metrics.recipients(1, recipientResult(recipient), recipient.stage);
      const said = recipient.status === "failed" && recipient.reply && classifyReply(recipient.reply);
      if (said) metrics.refusals(1, said);
    }
    if (delivery.succeeded.length > 0) metrics.lastDelivery(time / 1_000);
  }

  #of({ sessionId }: SessionEvent): Progress {
    const known = this.#progress.get(sessionId);
    if (known !== undefined) return known;
    const progress = { connectingAt: undefined, ready: false, error: undefined };
    this.#progress.set(sessionId, progress);
    return progress;
  }

  #guarded<E>(count: (event: E) => void): (event: E) => void {
    return (event) => {
      try {
        count(event);
      } catch {
        try {
          this.#metrics.telemetryErrors(1);
        } catch {
          // The register takes nothing at all: there is nowhere left to say so.
        }
      }
    };
  }
}

function count<K>(counts: Map<K, number>, of: K): void {
  counts.set(of, (counts.get(of) ?? 0) + 1);
}

function checked(options: MetricsOptions): Required<Omit<MetricsOptions, "buckets">> & {
  register: PrometheusRegister;
  client: string;
  prefix: string;
  buckets: readonly number[] | undefined;
} {
  checkNames(options, ["prometheus", "register", "client", "prefix", "buckets"]);
  const { prometheus, client = "default", prefix = "smtp_client_", buckets } = options;
  for (const metric of ["Counter", "Gauge", "Histogram"] as const) {
    if (typeof prometheus?.[metric] !== "function") {
      throw new TypeError(
        'options.prometheus must be the prom-client module: import * as prometheus from "prom-client"',
      );
    }
  }
  const register = options.register ?? prometheus.register;
  if (typeof register?.getSingleMetric !== "function" || typeof register.contentType !== "string") {
    throw new TypeError("options.register must be a register of prom-client");
  }
  if (typeof client !== "string" || client === "")
    throw new TypeError("options.client must be a string that is not empty");
  if (typeof prefix !== "string" || !/^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/.test(prefix)) {
    throw new TypeError(`options.prefix must be the beginning of a metric name, like "smtp_client_"`);
  }
  if (buckets !== undefined) {
    const ascending =
      Array.isArray(buckets) &&
      buckets.length > 0 &&
      buckets.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > buckets[i - 1]));
    if (!ascending) throw new TypeError("options.buckets must be ascending numbers of seconds");
  }
  return { prometheus, register, client, prefix, buckets };
}
