import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let consumer: string;

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

beforeAll(() => {
  consumer = mkdtempSync(join(tmpdir(), "consumer-"));
  const [packed] = JSON.parse(
    run("npm", ["pack", "--json", "--silent", "--pack-destination", consumer], ROOT),
  ) as [{ filename: string }];
  writeFileSync(
    join(consumer, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module" }),
  );
  run("npm", ["install", "--no-audit", "--no-fund", "--silent", join(consumer, packed.filename)], consumer);
}, 120_000);

afterAll(() => rmSync(consumer, { recursive: true, force: true }));

test("the packed package can be imported by name and brings what is documented", () => {
  const script = `import * as all from "smtp-pipelining"; console.log(Object.keys(all).sort().join(" "))`;
  expect(run("node", ["--input-type=module", "--eval", script], consumer).trim()).toBe(
    "BoundedPeerMemory SmtpError SmtpSession",
  );
});

test("it brings its one dependency and nothing else", () => {
  const tree = JSON.parse(run("npm", ["ls", "--all", "--json"], consumer)) as {
    dependencies: Record<string, { dependencies: Record<string, unknown> }>;
  };
  expect(Object.keys(tree.dependencies)).toEqual(["smtp-pipelining"]);
  expect(Object.keys(tree.dependencies["smtp-pipelining"]?.dependencies ?? {})).toEqual(["eventemitter3"]);
});

test("its files are the build and the documents", () => {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--dry-run", "--ignore-scripts"], ROOT)) as [
    { files: { path: string }[] },
  ];
  const others = packed.files
    .map(({ path }) => path)
    .filter((path) => !/^dist\/.*\.(?:js|d\.ts)$/.test(path));
  expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
});
