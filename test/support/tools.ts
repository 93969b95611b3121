import { spawnSync } from "node:child_process";

/**
 * Whether tests are left out because a program is missing that they need beside npm's packages. They say so, loudly.
 * With REQUIRE_TOOLS=1, as in the gate, nothing is left out: what misses its program fails.
 * @param install what to do about it
 */
export function leftOutWithout(programs: readonly string[], install: string): boolean {
  const missing = programs.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  if (missing.length === 0 || process.env["REQUIRE_TOOLS"] === "1") return false;
  console.warn(`\n!!! ${missing.join(" and ")} not found: what needs it is NOT tested. ${install}\n`);
  return true;
}

/** The same for what is no program of its own: whether this command ends well says that it is there. */
export function leftOutUnlessRuns(program: string, args: readonly string[], install: string): boolean {
  if (spawnSync(program, args).status === 0 || process.env["REQUIRE_TOOLS"] === "1") return false;
  console.warn(`\n!!! ${[program, ...args].join(" ")} fails: what needs it is NOT tested. ${install}\n`);
  return true;
}

/** The same where a server must be started as root, because it gives its processes users of their own. */
export function leftOutUnlessRoot(program: string): boolean {
  if (process.getuid?.() === 0 || process.env["REQUIRE_TOOLS"] === "1") return false;
  console.warn(`\n!!! ${program} needs root: what needs it is NOT tested.\n`);
  return true;
}
