/** What every query selects by: the variables on top of the dashboard. */
const SELECTED = 'job=~"$job", instance=~"$instance", client=~"$client"';

/** The series of a metric that the variables select. @param matchers more of them: `result="ready"` */
export function series(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${[SELECTED, ...matchers].join(", ")}}`;
}

/** How much of a counter there was per second, by some of its labels. */
export function rate(metric: string, by: readonly string[] = [], ...matchers: readonly string[]): string {
  return `${sumBy(by)} (rate(${series(metric, ...matchers)}[$__rate_interval]))`;
}

/** What a gauge shows, by some of its labels. */
export function sum(metric: string, by: readonly string[] = []): string {
  return `${sumBy(by)} (${series(metric)})`;
}

/** What several say of the same thing: the greatest, by some labels. */
export function most(metric: string, by: readonly string[], ...matchers: readonly string[]): string {
  return `max by (${by.join(", ")}) (${series(metric, ...matchers)})`;
}

/** One rate of another. Where nothing happened there is no value, not NaN. */
export function ratio(part: string, whole: string): string {
  return `${part} / (${whole} > 0)`;
}

/** The mean of what a histogram observed. */
export function mean(histogram: string): string {
  return ratio(rate(`${histogram}_sum`), rate(`${histogram}_count`));
}

/**
 * A quantile of a histogram, by some of its labels. That of nothing is NaN, and no comparison holds for it:
 * `>= 0` leaves it out.
 */
export function quantile(q: number, histogram: string, by: readonly string[] = []): string {
  return `histogram_quantile(${q}, ${rate(`${histogram}_bucket`, ["le", ...by])}) >= 0`;
}

function sumBy(labels: readonly string[]): string {
  return labels.length === 0 ? "sum" : `sum by (${labels.join(", ")})`;
}
