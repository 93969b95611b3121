import { Seconds } from "@grafana/grafana-foundation-sdk/units";
import { OUTCOMES } from "../colours.ts";
import { METRICS } from "../metrics.ts";
import type { Chart, Panel, Query } from "../panel.ts";
import { quantile } from "../promql.ts";

function quantiles(histogram: string): Query[] {
  return [50, 95, 99].map((percent) => ({
    expr: quantile(percent / 100, histogram),
    legend: `p${percent}`,
    exemplar: true,
  }));
}

function latency(title: string, description: string, queries: readonly Query[]): Chart {
  return { kind: "chart", title, description, unit: Seconds, width: 12, queries };
}

export const latencies: readonly Panel[] = [
  latency(
    "Message duration",
    "From the first command of a message to its fate.",
    quantiles(METRICS.messageDuration),
  ),
  {
    ...latency(
      "Message duration p95 by result",
      "From the first command of a message to its fate, by that fate. Slow refusals: the server delays on purpose (tarpitting).",
      [
        {
          expr: quantile(0.95, METRICS.messageDuration, ["result"]),
          legend: "{{result}}",
          exemplar: true,
        },
      ],
    ),
    colours: OUTCOMES,
  },
  latency(
    "Message wait",
    "From the queueing of a message to its first command. It grows when messages come faster than the server takes them: use more sessions, or send less.",
    quantiles(METRICS.messageWait),
  ),
  latency(
    "Connect duration p95 by result",
    "From the attempt to connect until the session is ready (greeting and EHLO done), or until it failed. Seconds of waiting for a greeting are a server's defence against spammers.",
    [{ expr: quantile(0.95, METRICS.connectDuration, ["result"]), legend: "{{result}}" }],
  ),
];
