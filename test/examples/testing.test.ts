import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLE = "examples/testing/newsletter.test.ts";

test("the example of docs/testing.md is the one in examples/, and passes as it is run there", async () => {
  const document = readFileSync(`${ROOT}/docs/testing.md`, "utf8");
  expect(document).toContain(`\`\`\`ts\n${readFileSync(`${ROOT}/${EXAMPLE}`, "utf8")}\`\`\`\n`);
  expect(document).toContain(`\`node --import tsx --test ${EXAMPLE}\``);
  const args = ["--import", "tsx", "--test", "--test-reporter=tap", EXAMPLE];
  // What this runner sets would tell the other that it is part of a run.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
  expect(stdout).toMatch(/^# pass 3$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
});
