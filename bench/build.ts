import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// What is measured is JavaScript as users run it: a loader of TypeScript would be in the memory and in the time.

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** From here packages are found as from the project. */
const CACHE = join(ROOT, "node_modules/.cache");

/** The bench and the library as JavaScript. */
export interface Build {
  /** The URL of the JavaScript of a file in bench/. @param name without extension, e.g. `"sink/main"` */
  file(name: string): URL;
}

/** Compiles the bench and the library into a folder that is there until this process ends. @throws Error if that fails */
export function build(): Build {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "smtp-pipelining-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const compiler = fileURLToPath(import.meta.resolve("typescript/bin/tsc"));
  const command = [compiler, "--project", join(ROOT, "bench"), "--outDir", folder, "--noCheck"];
  const { status } = spawnSync(process.execPath, command, {
    stdio: ["ignore", process.stderr, process.stderr],
  });
  if (status !== 0) throw new Error("The bench was not compiled; see above");
  // In this folder the package's own name is what was compiled.
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const compiled = JSON.stringify({ name, type: "module", exports }).replaceAll("./dist/", "./src/");
  writeFileSync(join(folder, "package.json"), compiled);
  return { file: (path) => pathToFileURL(join(folder, "bench", `${path}.js`)) };
}
