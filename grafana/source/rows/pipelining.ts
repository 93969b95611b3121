import { CountsPerSecond, RequestsPerSecond, Seconds, Short } from "@grafana/grafana-foundation-sdk/units";
import { GROUP_RESULTS } from "../colours.ts";
import { METRICS } from "../metrics.ts";
import type { Chart, Panel } from "../panel.ts";
import { mean, quantile, rate, ratio, sum } from "../promql.ts";

function groupDuration(percent: number): Chart {
  return {
    kind: "chart",
    title: `Group duration p${percent}`,
    description: `From the first octet of a command group to its last reply, by what it held: ${percent} of 100 groups took no longer. Envelopes take a round trip, texts and mixed groups also the server's time to check and store the message.`,
    unit: Seconds,
    width: 8,
    queries: [
      {
        expr: quantile(percent / 100, METRICS.groupDuration, ["group"]),
        legend: "{{group}}",
        exemplar: true,
      },
    ],
  };
}

export const pipelining: readonly Panel[] = [
  {
    kind: "chart",
    title: "Commands per group",
    description:
      "Commands that went out before the session had to wait (RFC 2920). About 1: the server does not offer PIPELINING, was found unfit for it, or messages come one at a time.",
    unit: Short,
    width: 8,
    queries: [
      { expr: mean(METRICS.groupCommands), legend: "mean" },
      { expr: quantile(0.5, METRICS.groupCommands), legend: "p50" },
      { expr: quantile(0.95, METRICS.groupCommands), legend: "p95" },
    ],
  },
  {
    kind: "chart",
    title: "Round trips saved per message",
    description:
      "Commands answered less groups, for each message settled: how often a message did not have to wait for the network.",
    unit: Short,
    width: 8,
    queries: [{ expr: ratio(rate(METRICS.roundTripsSaved), rate(METRICS.messages)), legend: "saved" }],
  },
  {
    kind: "chart",
    title: "Replies outstanding",
    description: "Replies that servers owe at this moment. High and still: a server has stopped to answer.",
    unit: Short,
    width: 8,
    queries: [{ expr: sum(METRICS.repliesOutstanding, ["client"]), legend: "{{client}}" }],
  },
  groupDuration(50),
  groupDuration(95),
  groupDuration(99),
  {
    kind: "chart",
    title: "Groups by result",
    description:
      "Command groups per second: ok, refused (a command in it was answered 4yz or 5yz), lost (the session failed while replies were owed).",
    unit: CountsPerSecond,
    width: 12,
    stacked: true,
    colours: GROUP_RESULTS,
    queries: [{ expr: rate(METRICS.groups, ["result"]), legend: "{{result}}" }],
  },
  {
    kind: "chart",
    title: "Commands by verb",
    description:
      "Commands sent per second; text is the end of a message's text. NOOP alone: sessions are kept alive without work.",
    unit: RequestsPerSecond,
    width: 12,
    queries: [{ expr: rate(METRICS.commands, ["verb"]), legend: "{{verb}}" }],
  },
];
