import { Readable, Writable } from "node:stream";
import { run } from "../../src/cli/program.ts";
import type { Output, Shell } from "../../src/cli/shell.ts";

/** What a command left behind. */
export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly errors: string;
}

/** A command that runs in this process. */
export interface Running {
  readonly ended: Promise<Ran>;
  /** Presses Ctrl-C. */
  interrupt(): void;
  /** Fulfils when the command has written something to standard error that fits. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly stdout?: Output;
}

/** Runs a command line in this process, with streams of ours. */
export function startCli(
  args: readonly string[],
  { env = {}, stdin = "", stdout }: Surroundings = {},
): Running {
  const out = collecting();
  const errors = collecting();
  const interrupts = new Set<() => void>();
  const shell: Shell = {
    args,
    env,
    stdin: Readable.from(stdin === "" ? [] : [Buffer.from(stdin)]),
    stdout: stdout ?? out.stream,
    stderr: errors.stream,
    onInterrupt: (act) => {
      interrupts.add(act);
      return () => interrupts.delete(act);
    },
  };
  const ended = run(shell).then((status) => ({ status, out: out.text(), errors: errors.text() }));
  return {
    ended,
    interrupt: () => {
      for (const act of [...interrupts]) act();
    },
    said: (pattern) => errors.said(pattern),
  };
}

export function runCli(args: readonly string[], surroundings?: Surroundings): Promise<Ran> {
  return startCli(args, surroundings).ended;
}

function collecting() {
  let text = "";
  const waiting = new Set<() => void>();
  const stream = new Writable({
    write: (octets: Buffer, _, done) => {
      text += octets.toString();
      for (const each of waiting) each();
      done();
    },
  });
  return {
    stream,
    text: () => text,
    said: (pattern: RegExp) =>
      new Promise<RegExpExecArray>((resolve) => {
        const look = (): void => {
          const found = pattern.exec(text);
          if (found === null) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}
