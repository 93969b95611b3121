import { fork } from "node:child_process";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

// Processes of the bench's own, and how they are asked: functions that run in another process.

type Handlers<Q> = { readonly [Name in keyof Q]: (...args: never[]) => unknown };

interface Question {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  /** Why there is no value. */
  readonly error?: string;
}

/** A process that answers the questions Q. */
export interface Worker<Q extends Handlers<Q>> {
  /** Runs a function of the other process. @throws Error if it threw, or if the process ended */
  ask<Name extends keyof Q & string>(
    name: Name,
    ...args: Parameters<Q[Name]>
  ): Promise<Awaited<ReturnType<Q[Name]>>>;
  /** Lets the process end. */
  close(): void;
}

/** Starts a program that calls {@link answers}. */
export function startProcess<Q extends Handlers<Q>>(
  file: URL,
  options: { readonly args?: readonly string[]; readonly execArgv?: readonly string[] } = {},
): Worker<Q> {
  const path = fileURLToPath(file);
  const child = fork(path, options.args ?? [], { execArgv: [...(options.execArgv ?? [])] });
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let ended: Error | undefined;
  let closed = false;
  let asked = 0;
  const end = (how: string): void => {
    ended ??= new Error(`${relative(process.cwd(), path)} ended with ${how}; see above`);
    for (const { reject } of open.values()) reject(ended);
    open.clear();
  };
  child.on("error", (error) => end(error.message));
  child.on("exit", (status, killer) => end(String(status ?? killer)));
  child.on("message", ({ id, value, error }: Answer) => {
    const waiting = open.get(id);
    open.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  });
  return {
    ask: (name, ...args) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended);
          return;
        }
        const question: Question = { id: asked++, name, args };
        open.set(question.id, { resolve: resolve as (value: unknown) => void, reject });
        child.send(question);
      }),
    close: () => {
      if (closed || !child.connected) return;
      closed = true;
      child.disconnect();
    },
  };
}

/** Makes functions of this process callable for the one that started it. It ends when that one wants it no more. */
export function answers<Q extends Handlers<Q>>(handlers: Q): void {
  process.on("message", async ({ id, name, args }: Question) => {
    const answer = await run(handlers, name, args).then(
      (value): Answer => ({ id, value }),
      (error: unknown): Answer => ({ id, error: String(error) }),
    );
    process.send?.(answer);
  });
  process.on("disconnect", () => process.exit());
}

async function run(handlers: object, name: string, args: readonly unknown[]): Promise<unknown> {
  const handler: unknown = Object.hasOwn(handlers, name) ? Reflect.get(handlers, name) : undefined;
  if (typeof handler !== "function") throw new Error(`There is no ${name} here`);
  return await handler(...args);
}
