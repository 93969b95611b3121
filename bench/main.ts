import { observability } from "./observability.ts";

const BENCHES: Readonly<Record<string, typeof observability>> = { observability };

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(", ")}. There are: ${Object.keys(BENCHES).join(", ")}`);
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
