import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { RESULTS, readArguments, USAGE } from "./arguments.ts";
import { chart } from "./report/chart.ts";
import { checkLines, checks } from "./report/checks.ts";
import { markdown, replaceBetweenMarks } from "./report/markdown.ts";
import type { Results } from "./results.ts";
import { run } from "./run.ts";
import { scenarios } from "./scenarios.ts";

function ofProject(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** Microseconds are enough, and octets have no fraction. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1_000) / 1_000 : value;
}

function beside(file: string): string {
  return file.replace(/(?:\.json)?$/, ".svg");
}

// So that what was compiled is removed.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const task = readArguments(process.argv.slice(2));
if (task.kind === "help") {
  process.stdout.write(USAGE);
} else if (task.kind === "wrong") {
  console.error(`${task.problem}\n\nNothing was measured. npm run bench -- --help says more.`);
  process.exitCode = 2;
} else if (task.kind === "readme") {
  const results: Results = JSON.parse(readFileSync(ofProject(RESULTS), "utf8"));
  const readme = ofProject("README.md");
  const document = replaceBetweenMarks(readFileSync(readme, "utf8"), markdown(results, scenarios(false)));
  writeFileSync(readme, document);
  writeFileSync(ofProject(beside(RESULTS)), chart(results));
} else {
  const terminal = process.stderr.isTTY === true;
  const results = await run(
    task,
    (text) => {
      if (terminal) process.stderr.write("\r\u001b[K");
      console.log(text);
    },
    (text) => process.stderr.write(terminal ? `\r\u001b[K${text}` : `${text}\n`),
  );
  if (task.out !== undefined) {
    writeFileSync(task.out, `${JSON.stringify(results, rounded, 2)}\n`);
    writeFileSync(beside(task.out), chart(results));
    console.log(`Written: ${task.out} and ${beside(task.out)}\n`);
  }
  const failed = results.scenarios.some(({ rows }) => rows.some((row) => row.failed !== undefined));
  if (task.quick) {
    console.log("--quick measures too little to judge by.");
  } else {
    const verdicts = checks(results);
    console.log(`=== what is asked of the library\n${checkLines(verdicts).join("\n")}`);
    if (verdicts.some(({ met }) => met === false)) process.exitCode = 1;
  }
  if (failed) {
    console.log("Some clients failed: see the tables.");
    process.exitCode = 1;
  }
}
