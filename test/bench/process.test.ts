import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startProcess, type Worker } from "../../bench/process.ts";

interface Questions {
  add(one: number, other: number): number;
  fail(): never;
  die(): void;
}

const PROGRAM = `
const { answers } = await import(${JSON.stringify(new URL("../../bench/process.ts", import.meta.url).href)});
answers({
  add: async (one, other) => one + other,
  fail: () => { throw new TypeError("not this"); },
  die: () => process.exit(3),
});`;

function start(program: string): Worker<Questions> {
  const directory = mkdtempSync(join(tmpdir(), "smtp-pipelining-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "program.mjs");
  writeFileSync(file, program);
  const worker = startProcess<Questions>(pathToFileURL(file), { execArgv: ["--import", "tsx"] });
  onTestFinished(() => worker.close());
  return worker;
}

test("functions of another process are called, several at a time", async () => {
  const worker = start(PROGRAM);
  expect(await Promise.all([worker.ask("add", 1, 2), worker.ask("add", 30, 4)])).toEqual([3, 34]);
});

test("what one throws is told, and the process goes on", async () => {
  const worker = start(PROGRAM);
  await expect(worker.ask("fail")).rejects.toThrow("TypeError: not this");
  expect(await worker.ask("add", 1, 1)).toBe(2);
});

test("a process that does not start, or ends, is told, not waited for", async () => {
  await expect(start("process.exit(3);").ask("add", 1, 1)).rejects.toThrow(/program\.mjs ended with 3/);
  const worker = start(PROGRAM);
  await expect(worker.ask("die")).rejects.toThrow(/ended with 3/);
  await expect(worker.ask("add", 1, 1)).rejects.toThrow(/ended with 3/);
});
