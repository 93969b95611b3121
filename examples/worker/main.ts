// A queue of mail: Redis, a producer, two workers, a mail server, and their metrics.
//
//   npm run example:worker
//   npm run example:worker -- --messages 20000 --linger 60

import { runProgram } from "../terminal/program.ts";
import { makePlan, USAGE } from "./arguments.ts";
import { show } from "./show.ts";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

await runProgram({
  command: "npm run example:worker",
  usage: USAGE,
  run: (args) => show(makePlan(args), { print: console.log, complain: console.error, signal: stop.signal }),
});
