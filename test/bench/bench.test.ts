import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { legend, type Measured, table } from "../../bench/side-by-side.ts";
import { startSink } from "../../bench/start-sink.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

function program(text: string): URL {
  const directory = mkdtempSync(join(tmpdir(), "smtp-pipelining-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "sink.mjs");
  writeFileSync(file, text);
  return pathToFileURL(file);
}

test("a sink that does not start is told, not waited for", async () => {
  await expect(startSink(program("process.exit(3);"))).rejects.toThrow(/did not start: it ended with 3/);
});

test("a sink that starts says where it listens", async () => {
  const sink = await startSink(
    program("process.on('disconnect', () => process.exit()); process.send(2525);"),
  );
  expect(sink.port).toBe(2525);
  sink.close();
});

test("ratios are those of the rounds, and every column of the table is explained", () => {
  const measured: Measured[] = [
    { name: "nothing", rates: [100, 300, 200], ratios: [1, 1, 1], cpu: [5, 6, 7] },
    { name: "something", rates: [90, 90, 180], ratios: [0.9, 0.3, 0.9], cpu: [8, 9, 10] },
  ];
  const [head = "", , second = ""] = table(measured, "letter").split("\n");
  // The ratio of the medians would be 45 %.
  expect(second.split(/ {2,}/)).toEqual(["something", "90", "90 %", "30 % to 90 %", "9.0"]);
  const explained = legend("nothing", "letter");
  for (const column of head.trim().split(/ {2,}/)) expect(explained).toContain(column);
  expect(explained).toContain(`that of "nothing" in the same round`);
});

test("says how it is used, and which benches there are", () => {
  const command = ["--import", "tsx", "bench/main.ts"];
  const help = execFileSync(process.execPath, [...command, "--help"], { cwd: ROOT, encoding: "utf8" });
  expect(help).toMatch(/npm run bench -- observability .*Exit status: 0 /s);
  const wrong = spawnSync(process.execPath, [...command, "speed"], { cwd: ROOT, encoding: "utf8" });
  expect([wrong.status, wrong.stdout]).toEqual([2, ""]);
  expect(wrong.stderr).toMatch(/^There is no bench speed\. There are: observability\n/);
});
