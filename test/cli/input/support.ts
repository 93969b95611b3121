import { Buffer } from "node:buffer";
import type { InputOptions, InputProblem, Origin } from "../../../src/cli/input/index.ts";
import { type Input, readMessages } from "../../../src/cli/input/index.ts";
import type { Message, MessageData } from "../../../src/index.ts";

/** A text as its octets, each as a character. */
export async function octetsOf(data: MessageData): Promise<string> {
  const text = typeof data === "function" ? await data() : data;
  if (typeof text === "string") return Buffer.from(text).toString("latin1");
  if (text instanceof Uint8Array) return Buffer.from(text).toString("latin1");
  const parts: Buffer[] = [];
  for await (const part of text) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString("latin1");
}

/** All that is read from sources. */
export async function readAll(sources: readonly string[], options: InputOptions = {}): Promise<Input[]> {
  const inputs: Input[] = [];
  for await (const input of readMessages(sources, options)) inputs.push(input);
  return inputs;
}

/** The messages of inputs; fails where there is a problem. */
export function messagesOf(inputs: readonly Input[]): Message<Origin>[] {
  return inputs.map(({ message, problem }) => {
    if (message === undefined) throw new Error(problem.message);
    return message;
  });
}

/** The problems among inputs. */
export function problemsOf(inputs: readonly Input[]): InputProblem[] {
  return inputs.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
}
