import { OTHER, REPLY_VERBS, VERBS } from "../verbs.ts";
import { PACKAGE_VERSION } from "../version.ts";
import * as known from "./labels.ts";
import type {
  CounterMetric,
  GaugeMetric,
  HistogramMetric,
  Labels,
  MetricConfiguration,
  PrometheusModule,
  PrometheusRegister,
} from "./prometheus.ts";

/** The span in which something was measured. */
interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
}

/** Counts: the number first, then the values of the labels. */
type Count = (n: number, ...values: string[]) => void;

/** Measures: the value first, then the values of the labels. */
type Measure = (value: number, exemplar: Exemplar | undefined, ...values: string[]) => void;

/** Adds a source to a gauge, which is asked whenever the register is read. Returns what takes it away again. */
type Watch = (read: () => Iterable<readonly [value: number, ...labels: string[]]>) => () => void;

/** A label and its known values. */
type Label = readonly [name: string, values: readonly string[]];

/** From RFC 5321's shortest answers to its longest deadline, 10 minutes: seconds. */
const LATENCY_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];
const COMMAND_BUCKETS: readonly number[] = [1, 2, 3, 4, 5, 10, 25, 50, 100, 250, 1_000];
const RECIPIENT_BUCKETS: readonly number[] = [1, 2, 5, 10, 25, 50, 100, 250, 1_000];
const SIZE_BUCKETS: readonly number[] = [1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6, 64e6];

/** What all instruments have in common. */
export interface InstrumentOptions {
  readonly prometheus: PrometheusModule;
  readonly register: PrometheusRegister;
  readonly prefix: string;
  readonly client: string;
  /** Upper bounds of the latency histograms: seconds. */
  readonly buckets: readonly number[] | undefined;
}

/** What a metric of ours remembers, beside its values, for all who share it. */
interface Shared {
  /** The clients whose series were begun. */
  readonly clients: Set<string>;
  /** Gauges: the sources by client. */
  readonly sources: Map<string, Set<Parameters<Watch>[0]>>;
}

/** On the metric itself: so that two copies of this package in one process share a register too. */
const SHARED = Symbol.for("smtp-pipelining.metrics");

/** The metrics of one register and prefix as one client sees them: made, or found where they are already. */
export interface Instruments {
  readonly connections: Count;
  readonly disconnections: Count;
  readonly sessions: Watch;
  readonly connectDuration: Measure;
  readonly commands: Count;
  readonly replies: Count;
  readonly groups: Count;
  readonly groupDuration: Measure;
  readonly groupCommands: Measure;
  readonly messages: Count;
  readonly messageDuration: Measure;
  readonly messageWait: Measure;
  readonly messageRecipients: Measure;
  readonly messageSize: Measure;
  readonly recipientsAccepted: Count;
  readonly recipients: Count;
  readonly roundTripsSaved: Count;
  readonly errors: Count;
  readonly warnings: Count;
  readonly bytes: Count;
  readonly pending: Watch;
  readonly waiting: Watch;
  readonly retries: Count;
  readonly slowdowns: Count;
  readonly pacedRelays: Watch;
  readonly refusals: Count;
  readonly retirements: Count;
  readonly outstanding: Watch;
  readonly lastDelivery: (value: number) => void;
  readonly telemetryErrors: Count;
}

/**
 * Gets or creates all metrics, with the known label sets at zero: the first increment of a series that did not exist
 * is invisible to `rate()`.
 * @throws Error if the register has a metric of such a name that is not this package's
 */
export function makeInstruments(options: InstrumentOptions): Instruments {
  const make = new Maker(options);
  const latency = options.buckets ?? LATENCY_BUCKETS;
  const result = (values: readonly string[]): Label => ["result", values];
  const verbs: Label = ["verb", VERBS];

  make.buildInfo();
  return {
    connections: make.counter("connections_total", "Attempts to connect, by how they ended", [
      result(known.CONNECTION_RESULTS),
    ]),
    disconnections: make.counter("disconnections_total", "Ends of sessions that had been ready, by reason", [
      ["reason", known.CLOSE_REASONS],
    ]),
    sessions: make.gauge("sessions", "Live sessions, by state", [["state", known.LIVE_STATES]]),
    connectDuration: make.histogram(
      "connect_duration_seconds",
      "From the attempt to connect to ready, or to its failure",
      latency,
      [result(known.CONNECTION_RESULTS)],
    ),
    commands: make.counter("commands_total", "Commands sent, by verb; text is the end of a message's text", [
      verbs,
    ]),
    replies: make.counter(
      "replies_total",
      "Replies received, by the verb they answer and the class of their code",
      [
        ["verb", REPLY_VERBS],
        ["code", known.REPLY_CLASSES],
      ],
      known.REPLIES,
    ),
    groups: make.counter("groups_total", "Command groups (RFC 2920), by what they held and how they ended", [
      ["group", known.GROUP_KINDS],
      result(known.GROUP_RESULTS),
    ]),
    groupDuration: make.histogram(
      "group_duration_seconds",
      "From the first octet of a command group to its last reply",
      latency,
      [["group", known.GROUP_KINDS]],
    ),
    groupCommands: make.histogram("group_commands", "Commands in a group", COMMAND_BUCKETS),
    messages: make.counter("messages_total", "Messages whose fate is known, by result", [
      result(known.MESSAGE_RESULTS),
    ]),
    messageDuration: make.histogram(
      "message_duration_seconds",
      "From the first command of a message to its fate",
      latency,
      [result(known.MESSAGE_RESULTS)],
    ),
    messageWait: make.histogram(
      "message_wait_seconds",
      "From the queueing of a message to its first command, or to its fate if nothing was sent",
      latency,
    ),
    messageRecipients: make.histogram("message_recipients", "Recipients of a message", RECIPIENT_BUCKETS),
    messageSize: make.histogram("message_size_bytes", "Octets of text written for a message", SIZE_BUCKETS),
    recipientsAccepted: make.counter(
      "recipients_accepted_total",
      "Recipients that RCPT accepted: not yet a fate",
    ),
    recipients: make.counter(
      "recipients_total",
      "Recipients whose fate is known, by fate and by where it was decided",
      [result(known.RECIPIENT_OUTCOMES), ["stage", known.STAGES]],
      known.OUTCOMES,
    ),
    roundTripsSaved: make.counter(
      "round_trips_saved_total",
      "Commands answered less groups: the round trips that pipelining saved",
    ),
    errors: make.counter("errors_total", "Failures of sessions, by code", [["type", known.SESSION_ERRORS]]),
    warnings: make.counter("warnings_total", "Warnings, by code: what was learnt about servers", [
      ["code", known.WARNING_CODES],
    ]),
    bytes: make.counter("io_bytes_total", "Octets of commands and texts sent, of replies received", [
      ["direction", known.DIRECTIONS],
    ]),
    pending: make.gauge("messages_pending", "Messages whose fate is open"),
    waiting: make.gauge("messages_waiting", "Of those, the messages that no session of a pool has yet"),
    retries: make.counter(
      "retries_total",
      "Messages that a pool gave to another session, as they had failed with their connection",
    ),
    slowdowns: make.counter(
      "slowdowns_total",
      "Times that a pool gave a relay less, as it had said that it got too much",
    ),
    pacedRelays: make.gauge("paced_relays", "Relays that pools give less than they would take"),
    refusals: make.counter("refusals_total", "Recipients refused by a reply, by what it means", [
      ["class", known.REFUSALS],
    ]),
    retirements: make.counter("retirements_total", "Sessions that a pool let go, by reason", [
      ["reason", known.RETIREMENTS],
    ]),
    outstanding: make.gauge("replies_outstanding", "Replies that servers owe"),
    lastDelivery: make.latest(
      "last_delivery_timestamp_seconds",
      "When a recipient last succeeded: Unix time",
    ),
    telemetryErrors: make.counter(
      "telemetry_errors_total",
      "Failures of these metrics themselves: something was not counted",
    ),
  };
}

class Maker {
  readonly #options: InstrumentOptions;

  constructor(options: InstrumentOptions) {
    this.#options = options;
  }

  /** @param begun the label sets that begin at zero; default: all combinations */
  counter(
    name: string,
    help: string,
    labels: readonly Label[] = [],
    begun: readonly (readonly string[])[] = combinations(labels),
  ): Count {
    const { Counter } = this.#options.prometheus;
    const metric = this.#getOrMake<CounterMetric>(name, "inc", (own) => new Counter(own), help, labels);
    const labelled = this.#labeller(labels);
    if (this.#first(metric)) for (const values of begun) metric.inc(labelled(values), 0);
    return (n, ...values) => metric.inc(labelled(values), n);
  }

  histogram(name: string, help: string, buckets: readonly number[], labels: readonly Label[] = []): Measure {
    const { prometheus, register } = this.#options;
    // Exemplars exist in OpenMetrics alone, and a text register throws on them.
    const enableExemplars = register.contentType.startsWith("application/openmetrics-text");
    const metric = this.#getOrMake<HistogramMetric & { enableExemplars?: boolean }>(
      name,
      "observe",
      (own) => new prometheus.Histogram({ ...own, buckets: [...buckets], enableExemplars }),
      help,
      labels,
    );
    const labelled = this.#labeller(labels);
    if (this.#first(metric)) for (const values of combinations(labels)) metric.zero(labelled(values));
    if (metric.enableExemplars !== true)
      return (value, _, ...values) => metric.observe(labelled(values), value);
    // A histogram with exemplars takes one object, always: in the other form it loses labels (client_js#777).
    const { observe } = metric as unknown as { observe(observation: object): void };
    return (value, exemplar, ...values) =>
      observe.call(metric, {
        labels: labelled(values),
        value,
        ...(exemplar !== undefined && {
          exemplarLabels: { trace_id: exemplar.traceId, span_id: exemplar.spanId },
        }),
      });
  }

  gauge(name: string, help: string, labels: readonly Label[] = []): Watch {
    const { prometheus, client } = this.#options;
    const metric: GaugeMetric = this.#getOrMake(
      name,
      "set",
      (own) => new prometheus.Gauge({ ...own, collect: () => collect(metric, labels) }),
      help,
      labels,
    );
    const { sources } = shared(metric);
    const own = sources.get(client) ?? new Set();
    sources.set(client, own);
    return (read) => {
      own.add(read);
      return () => own.delete(read);
    };
  }

  /** A gauge that keeps what was set last; without a series until then. */
  latest(name: string, help: string): (value: number) => void {
    const { prometheus, client } = this.#options;
    const metric = this.#getOrMake<GaugeMetric>(
      name,
      "set",
      // In a cluster: the sum of the workers' times would be none.
      (own) => new prometheus.Gauge({ ...own, aggregator: "max" }),
      help,
      [],
    );
    return (value) => metric.set({ client }, value);
  }

  buildInfo(): void {
    const { prometheus, client } = this.#options;
    const metric = this.#getOrMake<GaugeMetric>(
      "build_info",
      "set",
      (own) => new prometheus.Gauge({ ...own, aggregator: "first" }),
      "The version of smtp-pipelining: always 1",
      [["version", []]],
    );
    metric.set({ client, version: PACKAGE_VERSION }, 1);
  }

  #getOrMake<M extends object>(
    name: string,
    method: keyof M & string,
    make: (own: MetricConfiguration) => M,
    help: string,
    labels: readonly Label[],
  ): M {
    const { register, prefix } = this.#options;
    const found = register.getSingleMetric(prefix + name) as M | undefined;
    if (found !== undefined && (!(SHARED in found) || typeof found[method] !== "function")) {
      throw new Error(
        `The register has another metric of the name ${prefix}${name}: give attachMetrics another prefix, or another register`,
      );
    }
    if (found !== undefined) return found;
    const labelNames = ["client", ...labels.map(([label]) => label)];
    const made = make({ name: prefix + name, help, labelNames, registers: [register] });
    const state: Shared = { clients: new Set(), sources: new Map() };
    return Object.defineProperty(made, SHARED, { value: state });
  }

  /** Whether this client is the first of its name at this metric: to zero a histogram again would lose its counts. */
  #first(metric: object): boolean {
    const { clients } = shared(metric);
    if (clients.has(this.#options.client)) return false;
    clients.add(this.#options.client);
    return true;
  }

  /** Turns values into labels. The objects are made once: a metric keeps the first it sees and changes none. */
  #labeller(labels: readonly Label[]): (values: readonly string[]) => Labels {
    const { client } = this.#options;
    const none: Labels = { client };
    const made = new Map<string, Labels>();
    return (values) => {
      if (labels.length === 0) return none;
      const key = values.length === 1 ? (values[0] as string) : values.join(" ");
      const cached = made.get(key);
      if (cached !== undefined) return cached;
      const fixed = labels.map(([name, list], i): [string, string] => {
        const value = values[i] ?? OTHER;
        return [name, list.includes(value) ? value : OTHER];
      });
      const fresh: Labels = { client, ...Object.fromEntries(fixed) };
      // Only what is on the lists is kept: a server must not be able to fill this map.
      if (fixed.every(([, value], i) => value === values[i])) made.set(key, fresh);
      return fresh;
    };
  }
}

function shared(metric: object): Shared {
  return (metric as { [SHARED]: Shared })[SHARED];
}

/** Sets a gauge from its sources, client by client: those of one client add up. Without any it is zero, not stale. */
function collect(metric: GaugeMetric, labels: readonly Label[]): void {
  for (const [client, sources] of shared(metric).sources) {
    const sums = new Map(combinations(labels).map((values) => [values.join(" "), { values, sum: 0 }]));
    for (const read of sources) {
      for (const [value, ...values] of read()) {
        const entry = sums.get(values.join(" "));
        if (entry !== undefined) entry.sum += value;
      }
    }
    for (const { values, sum } of sums.values()) {
      const named = labels.map(([name], i): [string, string] => [name, values[i] ?? OTHER]);
      metric.set({ client, ...Object.fromEntries(named) }, sum);
    }
  }
}

function combinations(labels: readonly Label[]): readonly (readonly string[])[] {
  return labels.reduce<readonly (readonly string[])[]>(
    (sets, [, values]) => sets.flatMap((set) => values.map((value) => [...set, value])),
    [[]],
  );
}
