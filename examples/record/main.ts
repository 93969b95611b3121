import { main } from "./record.ts";

process.exitCode = await main({
  args: process.argv.slice(2),
  out: process.stdout,
  errors: process.stderr,
});
