import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Not the command tsx: it is a process of its own, and passes on a Ctrl-C that the terminal gave to both.
const TSX = import.meta.resolve("tsx");
const MAIN = join(ROOT, "src/cli/main.ts");

/** What a process left behind. */
export interface Exited {
  /** Null if a signal ended it. */
  readonly status: number | null;
  readonly out: string;
  readonly errors: string;
}

/** A command that was started as a user does it: in a process of its own. */
export interface CliProcess {
  readonly ended: Promise<Exited>;
  readonly child: ChildProcess;
  /** Fulfils when it has written something to standard error that fits. Rejects if it ends without. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** Fulfils when it has written something to standard output that fits. Rejects if it ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: nothing. `"open"`: the test writes it. */
  readonly stdin?: string | "open";
  readonly cwd?: string;
  /** A file instead of a pipe for its standard output. */
  readonly stdout?: number;
}

/** Starts `smtp-pipelining …`; what is still running when the test is over is killed. */
export function startProcess(
  args: readonly string[],
  { env = {}, stdin = "", cwd = ROOT, stdout }: ProcessOptions = {},
): CliProcess {
  const child = spawn(process.execPath, ["--import", TSX, MAIN, ...args], {
    cwd,
    env: environment(env),
    stdio: ["pipe", stdout ?? "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  child.stdin?.on("error", () => undefined); // it need not read what it is given
  if (stdin !== "open") child.stdin?.end(stdin);
  const out = collect(child, child.stdout);
  const errors = collect(child, child.stderr);
  return {
    child,
    ended: once(child, "close").then(([status]) => ({ status, out: out.text(), errors: errors.text() })),
    said: errors.fits,
    printed: out.fits,
  };
}

export function runProcess(args: readonly string[], options?: ProcessOptions): Promise<Exited> {
  return startProcess(args, options).ended;
}

/** Runs it with standard output in a pipe whose reader goes away behind the first line. Fulfils with its exit status. */
export async function runUnread(args: readonly string[], cwd: string): Promise<Exited> {
  const { child, ended } = startProcess(args, { cwd });
  child.stdout?.once("data", () => child.stdout?.destroy());
  return ended;
}

/** The command that runs another in a pseudo-terminal (util-linux). */
const SCRIPT = "script";

export const hasTerminal: boolean = spawnSync(SCRIPT, ["--version"]).status === 0;

export interface TerminalOptions {
  readonly cwd: string;
  /** Behind the command, for the shell: `"> results.jsonl"`. */
  readonly redirect?: string;
  /** Ctrl-C is pressed when the first of these was printed, then when the next was. */
  readonly interruptAt?: readonly RegExp[];
}

/** Runs `smtp-pipelining …` in a pseudo-terminal of 80 columns. Its `out` is what the terminal got. */
export function runInTerminal(
  args: readonly string[],
  { cwd, redirect = "", interruptAt = [] }: TerminalOptions,
): Promise<Exited> {
  const words = [process.execPath, "--import", TSX, MAIN, ...args].map((word) => `'${word}'`);
  // noflsh: Ctrl-C would throw away what was printed and not yet read, in the middle of a line.
  const command = `stty noflsh cols 80; exec ${words.join(" ")} ${redirect}`;
  const options = ["--quiet", "--return", "--command", command, "/dev/null"];
  return new Promise((resolve, reject) => {
    const child = execFile(
      SCRIPT,
      options,
      { cwd, env: environment({ TERM: "xterm" }), maxBuffer: 1 << 26 },
      (error, out, errors) => {
        if (child.exitCode === null) reject(error ?? new Error(`${SCRIPT} was killed`));
        else resolve({ status: child.exitCode, out, errors });
      },
    );
    const awaited = [...interruptAt];
    let seen = "";
    child.stdout?.on("data", (text: string) => {
      const [next] = awaited;
      seen += text;
      if (next === undefined || !next.test(seen)) return;
      awaited.shift();
      seen = "";
      child.stdin?.write("\x03");
    });
    onTestFinished(() => void child.kill("SIGKILL"));
  });
}

/** A folder for the files of a test. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The values of JSON Lines. */
export function jsonOf(lines: string): unknown[] {
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

/** Without what npm and the test runner put there. */
function environment(more: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, ...more };
}

function collect(child: ChildProcess, stream: NodeJS.ReadableStream | null) {
  let text = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (more: string) => {
    text += more;
  });
  return {
    text: () => text,
    fits: (pattern: RegExp) =>
      new Promise<RegExpExecArray>((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(text);
          if (found === null) return;
          stream?.off("data", look);
          resolve(found);
        };
        stream?.on("data", look);
        child.once("close", () => reject(new Error(`It ended without ${pattern}: ${text}`)));
        look();
      }),
  };
}
