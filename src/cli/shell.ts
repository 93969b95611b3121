import type { Readable, Writable } from "node:stream";

/** Where a command writes: a stream, perhaps of a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Where a command is run: all that it has of the process. */
export interface Shell {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  /** Calls this at each Ctrl-C and each SIGTERM, which end the process no more until the function returned is called. */
  onInterrupt(act: () => void): () => void;
}

const INTERRUPTS = ["SIGINT", "SIGTERM"] as const;

/** The shell that this process was started by. */
export function processShell(): Shell {
  const { stdin, stdout, stderr, env } = process;
  return {
    args: process.argv.slice(2),
    env,
    stdin,
    stdout,
    stderr,
    onInterrupt: (act) => {
      for (const name of INTERRUPTS) process.on(name, act);
      return () => {
        for (const name of INTERRUPTS) process.off(name, act);
      };
    },
  };
}
