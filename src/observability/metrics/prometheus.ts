// The part of prom-client that is used, typed structurally: the caller brings the module, so its successor fits too,
// and this package's types need neither.

/** What a metric is made of. */
export interface MetricConfiguration {
  name: string;
  help: string;
  labelNames?: string[];
  // biome-ignore lint/suspicious/noExplicitAny: a register of either content type, of whichever module
  registers?: any[];
  collect?: () => void;
  buckets?: number[];
  enableExemplars?: boolean;
  aggregator?: "max" | "first";
}

/** Label values by name. */
export type Labels = Record<string, string>;

/** What only grows. */
export interface CounterMetric {
  inc(labels: Labels, value: number): void;
}

/** What goes up and down. */
export interface GaugeMetric {
  set(labels: Labels, value: number): void;
}

/** A distribution, in buckets. */
export interface HistogramMetric {
  observe(labels: Labels, value: number): void;
  zero(labels: Labels): void;
}

/** A register of metrics: `prometheus.register`, or one of the caller's own. */
export interface PrometheusRegister {
  getSingleMetric(name: string): unknown;
  readonly contentType: string;
}

/** prom-client, or what looks like it. */
export interface PrometheusModule {
  readonly Counter: new (configuration: MetricConfiguration) => CounterMetric;
  readonly Gauge: new (configuration: MetricConfiguration) => GaugeMetric;
  readonly Histogram: new (configuration: MetricConfiguration) => HistogramMetric;
  readonly register: PrometheusRegister;
}
