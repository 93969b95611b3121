import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSX = fileURLToPath(new URL("../../node_modules/.bin/tsx", import.meta.url));

export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly errors: string;
}

/** Runs an example in a process of its own, its output piped. */
export function runExample(
  example: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Ended> {
  return run(TSX, [`examples/${example}`, ...args], env);
}

/** The command that runs another in a pseudo-terminal (util-linux). */
const SCRIPT: string = "script";

export const hasTerminal: boolean = spawnSync(SCRIPT, ["--version"]).status === 0;

/** Runs it in a pseudo-terminal. */
export function runInTerminal(
  example: string,
  args: readonly string[] = [],
  { env = {}, interruptAt }: TerminalOptions = {},
): Promise<Ended> {
  const command = [TSX, `examples/${example}`, ...args].join(" ");
  const options = ["--quiet", "--return", "--command", command, "/dev/null"];
  return run(SCRIPT, options, { TERM: "xterm", ...env }, interruptAt);
}

export interface TerminalOptions {
  readonly env?: Record<string, string>;
  /** Ctrl-C is pressed when this has been printed. */
  readonly interruptAt?: string;
}

function run(
  command: string,
  args: readonly string[],
  more: Record<string, string>,
  interruptAt?: string,
): Promise<Ended> {
  // Without what npm and the test runner put there.
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH, HOME, ...more };
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { cwd: ROOT, env, maxBuffer: 1 << 26 }, (error, out, errors) => {
      if (child.exitCode === null) reject(error ?? new Error(`${command} was killed`));
      else resolve({ status: child.exitCode, out, errors });
    });
    if (interruptAt === undefined) {
      child.stdin?.end();
      return;
    }
    let seen = "";
    child.stdout?.on("data", function press(text: string) {
      seen += text;
      if (!seen.includes(interruptAt)) return;
      child.stdout?.off("data", press);
      child.stdin?.end("\x03");
    });
  });
}
