import { whenNobodyReads } from "../terminal/program.ts";
import { main } from "./scrape.ts";

const stop = new AbortController();
// Once: whoever presses Ctrl-C again does not want to wait.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
whenNobodyReads(() => stop.abort());

process.exitCode = await main({
  args: process.argv.slice(2),
  out: process.stdout,
  errors: process.stderr,
  signal: stop.signal,
});
