import { main } from "./deliver.ts";

// A reader that has seen enough (`npm start | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await main({
  args: process.argv.slice(2),
  env: process.env,
  out: process.stdout,
  errors: process.stderr,
});
