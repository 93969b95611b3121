import { observability } from "./observability.ts";

const BENCHES: Readonly<Record<string, typeof observability>> = { observability };

const USAGE = `Measures, side by side in one run, and prints tables that say what their columns mean.

  npm run bench                     all benches
  npm run bench -- observability    what watching a session costs: events, metrics, tracing (some minutes)

Exit status: 0 measured, 1 watching costs more than it may, or the bench failed, 2 wrong arguments.
`;

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (names.includes("--help") || names.includes("-h")) {
  process.stdout.write(USAGE);
} else if (unknown.length > 0) {
  console.error(
    `There is no bench ${unknown.join(", ")}. There are: ${Object.keys(BENCHES).join(", ")}\n\n` +
      "Nothing was measured. npm run bench -- --help says more.",
  );
  process.exitCode = 2;
} else {
  const chosen = names.length > 0 ? names : Object.keys(BENCHES);
  const terminal = process.stderr.isTTY === true;
  for (const name of chosen) {
    console.log(`=== ${name}`);
    const progress = (text: string): void => {
      process.stderr.write(terminal ? `\r\u001b[K${text}` : `${text}\n`);
    };
    const fit = await BENCHES[name]?.((text) => {
      if (terminal) process.stderr.write("\r\u001b[K");
      console.log(text);
    }, progress);
    if (fit === false) process.exitCode = 1;
  }
}
