import { main } from "./scrape.ts";

const stop = new AbortController();
// Once: whoever presses Ctrl-C again does not want to wait.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
// A reader that has seen enough is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await main({
  args: process.argv.slice(2),
  out: process.stdout,
  errors: process.stderr,
  signal: stop.signal,
});
