import { CountsPerSecond, Short } from "@grafana/grafana-foundation-sdk/units";
import { METRICS } from "../metrics.ts";
import type { Panel } from "../panel.ts";
import { rate, sum } from "../promql.ts";

export const pool: readonly Panel[] = [
  {
    kind: "chart",
    title: "Messages that no session has yet",
    description:
      "Of the messages pending, those that wait in the queue of a pool: for room in a session, for a relay that can be reached, or for a slower pace. Of sessions without a pool there are none.",
    unit: Short,
    width: 8,
    queries: [{ expr: sum(METRICS.waiting, ["client"]), legend: "{{client}}" }],
  },
  {
    kind: "chart",
    title: "Retries",
    description:
      "Messages per second that a pool gave to another session, as they had failed with their connection and had certainly not been taken.",
    unit: CountsPerSecond,
    width: 8,
    queries: [{ expr: rate(METRICS.retries, ["client"]), legend: "{{client}}" }],
  },
  {
    kind: "chart",
    title: "Sessions let go by reason",
    description:
      "Sessions per second that a pool ended in good order: after so many messages, at their age, idle, for a relay of better preference, or at its own end.",
    unit: CountsPerSecond,
    width: 8,
    queries: [{ expr: rate(METRICS.retirements, ["reason"]), legend: "{{reason}}" }],
  },
  {
    kind: "chart",
    title: "Relays given less than they take",
    description:
      "Relays that said that they get too much, and are given mail at a slower pace until they have taken enough of it. They come back by themselves.",
    unit: Short,
    width: 12,
    queries: [{ expr: sum(METRICS.pacedRelays, ["client"]), legend: "{{client}}" }],
  },
  {
    kind: "chart",
    title: "Slowdowns",
    description:
      "How often per second a relay's pace was halved, because it answered that it gets too much, or greylisted nearly all of what it got.",
    unit: CountsPerSecond,
    width: 12,
    queries: [{ expr: rate(METRICS.slowdowns, ["client"]), legend: "{{client}}" }],
  },
];
