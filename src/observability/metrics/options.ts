import { checkNames } from "../target.ts";
import type { PrometheusModule, PrometheusRegister } from "./prometheus.ts";

/** Options of `attachMetrics`. */
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

/** Checks options and fills in the defaults. @throws TypeError that names the option */
export function checkedOptions(options: MetricsOptions): Required<Omit<MetricsOptions, "buckets">> & {
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
