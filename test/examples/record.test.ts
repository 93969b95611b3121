import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { pageText } from "../support/recorded.ts";
import { runExample } from "./run.ts";

test("npm run example:record writes a page with successes, refusals and a lost connection, and says where", async () => {
  const directory = mkdtempSync(join(tmpdir(), "smtp-pipelining-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "new", "page.html");

  const { status, out } = await runExample("record/main.ts", ["--out", file, "--redact"]);

  expect(status).toBe(0);
  expect(out.split("\n")[0]).toBe(file);
  expect(out).toContain("11 messages: 9 recipients succeeded, 7 failed, 2 unknown");
  const text = pageText(readFileSync(file, "utf8"));
  expect(text).toMatch(/18 recipients 9 succeeded 3 failed for now 4 failed for good 2 unknown/);
  expect(text).toContain("closed: server");
  expect(text).not.toContain("alice@");
});

test("a place where no page can be written is told before anything is sent", async () => {
  const directory = mkdtempSync(join(tmpdir(), "smtp-pipelining-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const { status, out, errors } = await runExample("record/main.ts", ["--out", directory]);
  expect([status, out]).toEqual([1, ""]);
  expect(errors).toMatch(/^Can't write .*: EISDIR.*\nNothing was sent\. Give another --out\.\n$/);
});

test("a wrong argument is named, and nothing is recorded", async () => {
  const { status, out, errors } = await runExample("record/main.ts", ["--output", "x"]);
  expect([status, out]).toEqual([2, ""]);
  expect(errors).toContain("--output");
});
