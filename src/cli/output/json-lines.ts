import type { Writable } from "node:stream";

/** Lines of JSON, written to a stream that may be slow, or whose reader may go away. */
export interface JsonLines {
  /** Fulfils when there is room for more, or nobody reads any more. */
  write(value: unknown): Promise<void>;
  /** Fulfils when the system has it. @throws what it was lost with (as a rejection) */
  store(value: unknown): Promise<void>;
  /** Fulfils when all was written, or can't be. */
  end(): Promise<void>;
  /** Why lines were lost; undefined if none was. */
  readonly failure: Error | undefined;
  /** Fires when lines are lost. */
  readonly lost: AbortSignal;
}

/** @param owned whether the stream is to be ended, too */
export function jsonLines(stream: Writable, { owned }: { readonly owned: boolean }): JsonLines {
  const losing = new AbortController();
  let failure: Error | undefined;
  const waiting: (() => void)[] = [];
  const proceed = (): void => {
    for (const each of waiting.splice(0)) each();
  };
  stream.on("drain", proceed);
  stream.on("error", (error: Error) => {
    failure ??= error;
    losing.abort(error);
    proceed();
  });
  const room = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  return {
    get failure() {
      return failure;
    },
    lost: losing.signal,
    write: async (value) => {
      if (failure === undefined && !stream.write(line(value)) && failure === undefined) await room();
    },
    store: (value) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) reject(failure);
        else stream.write(line(value), (error) => (error ? reject(error) : resolve()));
      }),
    end: async () => {
      if (failure !== undefined) return;
      const ended = new Promise<void>((resolve) => {
        // Behind all that was written before.
        if (owned) stream.end(() => resolve());
        else stream.write("", () => resolve());
      });
      await Promise.race([ended, room()]);
      if (stream.writableLength > 0 && failure === undefined) await ended;
    },
  };
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
