// The part of prom-client that is used, typed structurally: the caller brings the module, so its successor fits too,
// and this package's types need neither.

/** What a metric is made of, as prom-client takes it. */
export interface MetricConfiguration {
  /** Its whole name, prefix included. */
  name: string;
  /** What it means, for people. */
  help: string;
  labelNames?: string[];
  /** Where it lives: one register. */
  // biome-ignore lint/suspicious/noExplicitAny: a register of either content type, of whichever module
  registers?: any[];
  /** Called before its value is read: gauges ask the live sessions then. */
  collect?: () => void;
  /** Of a histogram: upper bounds, ascending. */
  buckets?: number[];
  /** Of a histogram: whether its observations may name a span. */
  enableExemplars?: boolean;
  /** Of a gauge: how several processes (`node:cluster`) are made one. Default: their sum. */
  aggregator?: "max" | "first";
}

/** Values of labels by their names. */
export type Labels = Record<string, string>;

/** What only grows. */
export interface CounterMetric {
  /** Adds a value, which is not negative, to what these labels have counted. */
  inc(labels: Labels, value: number): void;
}

/** What goes up and down. */
export interface GaugeMetric {
  /** Makes it the value of these labels. */
  set(labels: Labels, value: number): void;
}

/** How often values fell into each bucket. */
export interface HistogramMetric {
  /** Counts a value, in the unit of the metric. */
  observe(labels: Labels, value: number): void;
  /** Makes these labels be there with nothing observed yet. */
  zero(labels: Labels): void;
}

/** A register of metrics: `prometheus.register`, or one of the caller's own. */
export interface PrometheusRegister {
  /** The metric of that whole name; undefined if there is none. */
  getSingleMetric(name: string): unknown;
  /** Of what it exposes: exemplars are there where it is OpenMetrics. */
  readonly contentType: string;
}

/** prom-client, or what looks like it. */
export interface PrometheusModule {
  readonly Counter: new (configuration: MetricConfiguration) => CounterMetric;
  readonly Gauge: new (configuration: MetricConfiguration) => GaugeMetric;
  readonly Histogram: new (configuration: MetricConfiguration) => HistogramMetric;
  readonly register: PrometheusRegister;
}
