/** Wrong arguments. The message says what to do. */
export class UsageError extends Error {}

/** A program as its surroundings see it. */
export interface Program {
  /** What `--help` says. */
  readonly usage: string;
  /** Does the work. Fulfils with the exit status. @throws UsageError before anything was done */
  run(args: readonly string[]): Promise<number>;
}

/** Runs a program with the arguments of this process. Exit status 2: wrong arguments. */
export async function runProgram({ usage, run }: Program): Promise<void> {
  // A reader that has seen enough (`… | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
    return;
  }
  try {
    process.exitCode = await run(args);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    process.stderr.write(`${error.message}\n\nNothing was sent. --help says more.\n`);
    process.exitCode = 2;
  }
}

/** Ours, or that of `parseArgs`. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const { code } = error as { code?: unknown };
  return error instanceof TypeError && typeof code === "string" && code.startsWith("ERR_PARSE_ARGS_");
}
