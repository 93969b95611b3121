import { run } from "./command.ts";

process.exitCode = await run({
  args: process.argv.slice(2),
  env: process.env,
  out: (text) => process.stdout.write(text),
  errors: (text) => process.stderr.write(text),
});
