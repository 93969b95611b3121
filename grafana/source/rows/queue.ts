import { CountsPerSecond, MessagesPerSecond, Seconds, Short } from "@grafana/grafana-foundation-sdk/units";
import { METRICS } from "../metrics.ts";
import type { Panel } from "../panel.ts";
import { mean, most, quantile, rate } from "../promql.ts";

export const queue: readonly Panel[] = [
  {
    kind: "stat",
    title: "Jobs that wait",
    description:
      "Messages in the queue that no worker has, and that are due. Growing for long means that more is added than is delivered: more workers, or more connections.",
    unit: Short,
    width: 8,
    noValue: "no queue",
    queries: [
      {
        expr: `sum by (client) (${most(METRICS.queueJobs, ["client", "state"], 'state=~"waiting|prioritized"')})`,
        legend: "{{client}}",
      },
    ],
  },
  {
    kind: "stat",
    title: "Jobs held",
    description:
      "Messages with recipients whose fate is unknown, which wait for a decision: see the alert SmtpUnknownOutcomes, then release or settle them.",
    unit: Short,
    width: 8,
    noValue: "no queue",
    thresholds: [
      { value: null, color: "green" },
      { value: 1, color: "orange" },
    ],
    queries: [{ expr: most(METRICS.queueJobs, ["client"], 'state="held"'), legend: "{{client}}" }],
  },
  {
    kind: "stat",
    title: "Failed jobs kept",
    description:
      "Messages that were not delivered to all of their recipients, and are kept in Redis as the option keepFailed says.",
    unit: Short,
    width: 8,
    noValue: "no queue",
    queries: [{ expr: most(METRICS.queueJobs, ["client"], 'state="failed"'), legend: "{{client}}" }],
  },
  {
    kind: "chart",
    title: "Jobs in the queue",
    description:
      "Messages in the queue by state: waiting or prioritized, active in a worker, delayed until they are due or tried again, held for a decision. Every worker of a queue says the same, so the greatest counts.",
    unit: Short,
    width: 12,
    stacked: true,
    queries: [
      {
        expr: most(METRICS.queueJobs, ["client", "state"], 'state!="failed"'),
        legend: "{{client}} {{state}}",
      },
    ],
  },
  {
    kind: "chart",
    title: "Jobs by result",
    description:
      "Messages per second whose every recipient has its fate: delivered to all, to some (partial), to none (rejected), or given up for their age (expired).",
    unit: MessagesPerSecond,
    width: 12,
    stacked: true,
    queries: [{ expr: rate(METRICS.jobs, ["result"]), legend: "{{result}}" }],
  },
  {
    kind: "chart",
    title: "Recipients of jobs by fate",
    description:
      "Recipients per second whose fate is final. Those that were put off or became unknown are in other panels, and here once they are over.",
    unit: CountsPerSecond,
    width: 12,
    stacked: true,
    queries: [{ expr: rate(METRICS.jobRecipients, ["result"]), legend: "{{result}}" }],
  },
  {
    kind: "chart",
    title: "Put off, unknown, held",
    description:
      "Per second: messages and recipients that are to be tried again later, recipients whose fate became unknown, and messages held for a decision about them.",
    unit: CountsPerSecond,
    width: 12,
    queries: [
      { expr: rate(METRICS.jobDeferrals), legend: "jobs put off" },
      { expr: rate(METRICS.jobRecipientDeferrals), legend: "recipients put off" },
      { expr: rate(METRICS.jobRecipientUnknowns), legend: "recipients unknown" },
      { expr: rate(METRICS.jobHolds), legend: "jobs held" },
    ],
  },
  {
    kind: "chart",
    title: "Taken over, lost, worker errors",
    description:
      "Per second: messages found that a worker had left behind, messages that became another worker's while one had them, failures that workers coped with (most often of Redis). All are zero while all is well.",
    unit: CountsPerSecond,
    width: 8,
    queries: [
      { expr: rate(METRICS.jobTakeovers), legend: "taken over" },
      { expr: rate(METRICS.jobLosses), legend: "lost to another worker" },
      { expr: rate(METRICS.workerErrors), legend: "worker errors" },
    ],
  },
  {
    kind: "chart",
    title: "Age of jobs at their end",
    description:
      "How old messages were when the last of their recipients had its fate, from when they were due first: the slowest 5 % are older.",
    unit: Seconds,
    width: 8,
    queries: [{ expr: quantile(0.95, METRICS.jobAge, ["result"]), legend: "{{result}}" }],
  },
  {
    kind: "chart",
    title: "Deliveries begun per job",
    description:
      "How often a message was begun until it was over: 1 where nothing is put off and nothing fails.",
    unit: Short,
    width: 8,
    queries: [{ expr: mean(METRICS.jobTries), legend: "mean" }],
  },
];
