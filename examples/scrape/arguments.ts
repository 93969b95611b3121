import { parseArgs } from "node:util";
import { UsageError } from "../deliver/arguments.ts";
import { withNegativeNumbers } from "../terminal/program.ts";

export const USAGE = `Sends mixed mail to a server of its own and serves the metrics of it for Prometheus to scrape.

  npm run example:scrape -- [options]

  --port 9464      where /metrics is served; 0 is any free port
  --host 127.0.0.1 on which address
  --seconds 30     for how long mail is sent; 0: until Ctrl-C
  --rate 50        messages a second
  --linger 0       for how many seconds /metrics is served when all is sent, or until Ctrl-C
  --json           the last line is "totals" and what the deliveries add up to, as JSON

Exit status: 0 sent and served, 1 can't listen there, 2 wrong arguments (nothing was sent).
`;

/** What is to be done. */
export interface Plan {
  readonly port: number;
  readonly host: string;
  /** How long mail is sent; 0: until it is stopped. */
  readonly seconds: number;
  /** Messages a second. */
  readonly rate: number;
  /** Seconds for which the metrics are served afterwards. */
  readonly linger: number;
  readonly json: boolean;
  readonly help: boolean;
}

/** @throws UsageError before anything was sent */
export function makePlan(args: readonly string[]): Plan {
  const given = parse(args);
  const { port, host, seconds, rate, linger } = given;
  return {
    host,
    port: number("port", port, (n) => Number.isInteger(n) && n <= 65_535, "an integer from 0 to 65535"),
    seconds: number("seconds", seconds, () => true, "a number of seconds, from 0"),
    rate: number("rate", rate, (n) => n > 0 && n <= 10_000, "a number above 0, at most 10000"),
    linger: number("linger", linger, () => true, "a number of seconds, from 0"),
    json: given.json,
    help: given.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: withNegativeNumbers(args),
      options: {
        port: { type: "string", default: "9464" },
        host: { type: "string", default: "127.0.0.1" },
        seconds: { type: "string", default: "30" },
        rate: { type: "string", default: "50" },
        linger: { type: "string", default: "0" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    // parseArgs says in its TypeErrors what is wrong.
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function number(option: string, text: string, fits: (n: number) => boolean, what: string): number {
  const n = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(n) && fits(n)) return n;
  throw new UsageError(`--${option} ${text}: give ${what}.`);
}
