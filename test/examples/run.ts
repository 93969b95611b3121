import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Not the command tsx: it is a process of its own, and passes on a Ctrl-C that the terminal gave to both.
const NODE = [process.execPath, "--import", "tsx"] as const;

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
  const [node, ...options] = NODE;
  return run(node, [...options, `examples/${example}`, ...args], env);
}

/** Runs an example whose output nobody reads any more once something of it was read. Fulfils with the exit status. */
export async function runUnread(example: string, args: readonly string[]): Promise<number | null> {
  const [node, ...options] = NODE;
  const child = spawn(node, [...options, `examples/${example}`, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.once("data", () => child.stdout.destroy());
  const [status] = (await once(child, "exit")) as [number | null];
  return status;
}

/** The command that runs another in a pseudo-terminal (util-linux). */
const SCRIPT: string = "script";

export const hasTerminal: boolean = spawnSync(SCRIPT, ["--version"]).status === 0;

/** Runs it in a pseudo-terminal. */
export function runInTerminal(
  example: string,
  args: readonly string[] = [],
  { env = {}, interruptAt = [] }: TerminalOptions = {},
): Promise<Ended> {
  // noflsh: Ctrl-C would throw away what was printed and not yet read, in the middle of a line.
  const command = ["stty noflsh; exec", ...NODE, `examples/${example}`, ...args].join(" ");
  const options = ["--quiet", "--return", "--command", command, "/dev/null"];
  return run(SCRIPT, options, { TERM: "xterm", ...env }, interruptAt);
}

export interface TerminalOptions {
  readonly env?: Record<string, string>;
  /** Ctrl-C is pressed when the first of these has been printed, then when the next has. */
  readonly interruptAt?: readonly string[];
}

function run(
  command: string,
  args: readonly string[],
  more: Record<string, string>,
  interruptAt: readonly string[] = [],
): Promise<Ended> {
  // Without what npm and the test runner put there.
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH, HOME, ...more };
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { cwd: ROOT, env, maxBuffer: 1 << 26 }, (error, out, errors) => {
      if (child.exitCode === null) reject(error ?? new Error(`${command} was killed`));
      else resolve({ status: child.exitCode, out, errors });
    });
    const awaited = [...interruptAt];
    let seen = "";
    if (awaited.length === 0) child.stdin?.end();
    child.stdout?.on("data", (text: string) => {
      const [next] = awaited;
      if (next === undefined) return;
      seen += text;
      if (!seen.includes(next)) return;
      awaited.shift();
      seen = "";
      if (awaited.length > 0) child.stdin?.write("\x03");
      else child.stdin?.end("\x03");
    });
  });
}
