import { CountsPerSecond, PercentUnit, RequestsPerSecond } from "@grafana/grafana-foundation-sdk/units";
import { OUTCOMES } from "../colours.ts";
import { METRICS } from "../metrics.ts";
import type { Panel } from "../panel.ts";
import { rate, ratio } from "../promql.ts";

/** Of the recipients whose fate became known without the caller's doing. */
function share(result: string): string {
  return ratio(
    rate(METRICS.recipients, [], `result="${result}"`),
    rate(METRICS.recipients, [], 'result!="aborted"'),
  );
}

export const delivery: readonly Panel[] = [
  {
    kind: "chart",
    title: "Recipients by result",
    description: "Recipients per second by fate. Every recipient of every message is counted here once.",
    unit: CountsPerSecond,
    width: 12,
    stacked: true,
    colours: OUTCOMES,
    queries: [{ expr: rate(METRICS.recipients, ["result"]), legend: "{{result}}" }],
  },
  {
    kind: "chart",
    title: "Recipients that did not succeed, by result and stage",
    description:
      "Where it was decided: rcpt is a mailbox, mail a sender or a quota, data and message the text, connection the network, invalid and unsupported never left this side.",
    unit: CountsPerSecond,
    width: 12,
    queries: [
      {
        expr: rate(METRICS.recipients, ["result", "stage"], 'result!="succeeded"'),
        legend: "{{result}} at {{stage}}",
      },
    ],
  },
  {
    kind: "chart",
    title: "Share deferred, rejected, unknown",
    description:
      "Of the recipients whose fate became known, aborted ones left out. Deferred ones are worth a retry, rejected ones belong off the list, unknown ones may have got the message.",
    unit: PercentUnit,
    width: 8,
    max: 1,
    colours: OUTCOMES,
    queries: ["deferred", "rejected", "unknown"].map((result) => ({ expr: share(result), legend: result })),
  },
  {
    kind: "chart",
    title: "Refusals by verb",
    description:
      "Replies 4yz (try later) and 5yz (never) per second by the command they answer; text is the end of a message's text, greeting the server's first line.",
    unit: RequestsPerSecond,
    width: 8,
    queries: [
      {
        expr: rate(METRICS.replies, ["verb", "code"], 'code=~"4xx|5xx"'),
        legend: "{{verb}} {{code}}",
      },
    ],
  },
  {
    kind: "chart",
    title: "Accepted and succeeded",
    description:
      "Recipients per second that RCPT accepted, and those whose message the server then took. A gap: messages are refused after their text, or connections are lost before its answer.",
    unit: CountsPerSecond,
    width: 8,
    colours: OUTCOMES,
    queries: [
      { expr: rate(METRICS.recipientsAccepted), legend: "accepted" },
      { expr: rate(METRICS.recipients, [], 'result="succeeded"'), legend: "succeeded" },
    ],
  },
  {
    kind: "chart",
    title: "Refusals by what they mean",
    description:
      "Recipients refused per second, by what the reply says: a full mailbox, an address that does not exist, policy, too much at once, greylisting, or another temporary or permanent refusal.",
    unit: CountsPerSecond,
    width: 24,
    stacked: true,
    queries: [{ expr: rate(METRICS.refusals, ["class"]), legend: "{{class}}" }],
  },
];
