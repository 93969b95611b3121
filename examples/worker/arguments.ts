import { parseArgs } from "node:util";
import { UsageError, withNegativeNumbers } from "../terminal/program.ts";

export const USAGE = `A queue of mail on one machine: Redis, a producer, two workers, a mail server, and their metrics.

  npm run example:worker -- [options]

  --messages 5000  how many the producer adds
  --port 9464      where the first worker serves /metrics; the second at the next port. 0: any free ones
  --linger 0       for how many seconds /metrics is served when all is delivered

It needs redis-server on the PATH (on Debian: apt-get install redis-server), and starts one of its own. It ends by itself.

Exit status: 0 every message has its fate, 1 there is no Redis, or a message is lost or came twice, 2 wrong arguments.
`;

/** What is to be done. */
export interface Plan {
  readonly messages: number;
  readonly port: number;
  /** Seconds for which the metrics are served afterwards. */
  readonly linger: number;
}

/** @throws UsageError before anything was done */
export function makePlan(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: withNegativeNumbers(args),
    options: {
      messages: { type: "string", default: "5000" },
      port: { type: "string", default: "9464" },
      linger: { type: "string", default: "0" },
    },
  });
  return {
    messages: integer("messages", values.messages, 1, 1_000_000),
    // The second worker's is the next one.
    port: integer("port", values.port, 0, 65_534),
    linger: integer("linger", values.linger, 0, 86_400),
  };
}

function integer(option: string, text: string, least: number, most: number): number {
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (n >= least && n <= most) return n;
  throw new UsageError(`--${option} ${text}: give an integer from ${least} to ${most}.`);
}
