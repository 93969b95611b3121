import { whenNobodyReads } from "../terminal/program.ts";
import { main } from "./deliver.ts";

// `npm start | head` delivers the rest all the same.
whenNobodyReads(() => undefined);

process.exitCode = await main({
  args: process.argv.slice(2),
  env: process.env,
  out: process.stdout,
  errors: process.stderr,
});
