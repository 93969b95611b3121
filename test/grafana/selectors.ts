import * as prometheus from "prom-client";
import { attachMetrics } from "smtp-pipelining/metrics";
import { attachWorkerMetrics } from "smtp-pipelining/worker";

/** A metric in PromQL with the matchers in its braces. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** A metric as the library registers it: with the series that it begins at zero. */
export interface Registered {
  readonly labels: readonly string[];
  readonly type: string;
  readonly series: readonly Readonly<Record<string, string | number | undefined>>[];
}

const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;

/** Every metric of ours that an expression names; a histogram's without `_bucket`, `_sum`, `_count`. */
export function selectorsOf(expression: string): Selector[] {
  return [...expression.matchAll(/\b(smtp_client_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, name = "", braces = ""]) => ({
      metric: name.replace(/_(?:bucket|sum|count)$/, ""),
      matchers: [...braces.matchAll(MATCHER)].map(([, label = "", operator = "", value = ""]) => ({
        label,
        operator,
        value,
      })),
    }),
  );
}

/** The labels that an expression aggregates by. */
export function groupedBy(expression: string): string[] {
  return [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = ""]) => labels.split(/,\s*/));
}

/** Whether a label has the value that a matcher asks for. */
export function matches({ operator, value }: Matcher, actual: string): boolean {
  const equal = operator.endsWith("~") ? new RegExp(`^(?:${value})$`).test(actual) : actual === value;
  return operator.startsWith("!") ? !equal : equal;
}

/** What the library really registers, by name, before anything happened. */
export async function registered(): Promise<ReadonlyMap<string, Registered>> {
  const register = new prometheus.Registry();
  const idle = { on: () => idle, off: () => idle, sessions: [] };
  attachMetrics(idle as never, { prometheus, register });
  const depth = { waiting: 0, prioritized: 0, active: 0, delayed: 0, held: 0, failed: 0 };
  const worker = { on: () => worker, off: () => worker, depth: () => Promise.resolve(depth) };
  attachWorkerMetrics(worker as never, { prometheus, register });
  const found = new Map<string, Registered>();
  for (const { name, type, values } of await register.getMetricsAsJSON()) {
    const metric = register.getSingleMetric(name) as unknown as { labelNames: readonly string[] };
    found.set(name, {
      labels: metric.labelNames,
      type: String(type),
      series: values.map(({ labels }) => labels),
    });
  }
  return found;
}
