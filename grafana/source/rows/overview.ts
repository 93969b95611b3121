import { MessagesPerSecond, PercentUnit, Seconds, Short } from "@grafana/grafana-foundation-sdk/units";
import { OUTCOMES } from "../colours.ts";
import { METRICS } from "../metrics.ts";
import type { Panel } from "../panel.ts";
import { rate, ratio, series, sum } from "../promql.ts";

export const overview: readonly Panel[] = [
  {
    kind: "stat",
    title: "Recipients succeeded",
    description:
      "Of the recipients whose fate became known, the share that the server took responsibility for. What the caller aborted is left out. Without mail there is no value.",
    unit: PercentUnit,
    width: 6,
    noValue: "no mail",
    thresholds: [
      { value: null, color: "red" },
      { value: 0.8, color: "orange" },
      { value: 0.95, color: "green" },
    ],
    queries: [
      {
        expr: ratio(
          rate(METRICS.recipients, [], 'result="succeeded"'),
          rate(METRICS.recipients, [], 'result!="aborted"'),
        ),
        legend: "succeeded",
      },
    ],
  },
  {
    kind: "stat",
    title: "Messages settled",
    description: "Messages per second whose fate became known, whatever it was.",
    unit: MessagesPerSecond,
    width: 6,
    noValue: "no data",
    queries: [{ expr: rate(METRICS.messages), legend: "messages" }],
  },
  {
    kind: "stat",
    title: "Messages pending",
    description:
      "Messages queued or on their way whose fate is open. It should come back down: see the alert SmtpDeliveryStalled.",
    unit: Short,
    width: 6,
    noValue: "no data",
    queries: [{ expr: sum(METRICS.pending), legend: "pending" }],
  },
  {
    kind: "stat",
    title: "Since the last delivery",
    description:
      "Time since a recipient last succeeded, at any of the selected clients. Compare with how often you send: an idle sender is not ill.",
    unit: Seconds,
    width: 6,
    noValue: "none yet",
    queries: [{ expr: `time() - max(${series(METRICS.lastDelivery)})`, legend: "since last delivery" }],
  },
  {
    kind: "chart",
    title: "Messages by result",
    description:
      "Messages per second by what became of them: partial means that some recipients succeeded, deferred that a retry makes sense, unknown that the connection was lost when the text was complete.",
    unit: MessagesPerSecond,
    width: 12,
    stacked: true,
    colours: OUTCOMES,
    queries: [{ expr: rate(METRICS.messages, ["result"]), legend: "{{result}}" }],
  },
  {
    kind: "chart",
    title: "Sessions by state",
    description:
      "Live sessions. Many that stay in connecting: the server is slow to greet, or drops what comes to its port.",
    unit: Short,
    width: 12,
    stacked: true,
    colours: { ready: "green", connecting: "orange", idle: "text", closing: "blue" },
    queries: [{ expr: sum(METRICS.sessions, ["state"]), legend: "{{state}}" }],
  },
];
