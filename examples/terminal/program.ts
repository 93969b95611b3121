/** Wrong arguments. The message says what to do. */
export class UsageError extends Error {}

/** A program as its surroundings see it. */
export interface Program {
  /** How it is called, as in `npm run example:events`. */
  readonly command: string;
  /** What `--help` says. */
  readonly usage: string;
  /** Does the work. Fulfils with the exit status. @throws UsageError before anything was done */
  run(args: readonly string[]): Promise<number>;
}

/** Runs a program with the arguments of this process. Exit status 2: wrong arguments. */
export async function runProgram({ command, usage, run }: Program): Promise<void> {
  // Who shows something has nothing left to do, and that is no failure.
  whenNobodyReads(() => process.exit(0));
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
    return;
  }
  try {
    process.exitCode = await run(args);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    process.stderr.write(`${error.message}\n\nNothing was sent. ${command} -- --help says more.\n`);
    process.exitCode = 2;
  }
}

/** Acts when whoever read the output has seen enough (`… | head`). Whatever else is wrong with the output is thrown. */
export function whenNobodyReads(act: () => void): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    act();
  });
}

/** Arguments for `parseArgs`, which takes the value of `--port -1` for an option. Here it is a wrong number. */
export function withNegativeNumbers(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const option = joined.at(-1);
    if (/^-\d/.test(arg) && option !== undefined && /^--[^=]+$/.test(option)) {
      joined[joined.length - 1] = `${option}=${arg}`;
    } else {
      joined.push(arg);
    }
  }
  return joined;
}

/** Ours, or that of `parseArgs`. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const { code } = error as { code?: unknown };
  return error instanceof TypeError && typeof code === "string" && code.startsWith("ERR_PARSE_ARGS_");
}
