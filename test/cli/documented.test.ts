import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runCli } from "../support/cli-shell.ts";

const DOCUMENT = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");

/** What stands under a heading, up to the next of its kind. */
function section(heading: string): string {
  const [, text = ""] = DOCUMENT.split(`\n## ${heading}\n`);
  return text.split("\n## ")[0] ?? "";
}

/** The first cells of a section's tables. */
function cells(text: string): string[] {
  return [...text.matchAll(/^\| (.*?) \|/gm)].map(([, cell = ""]) => cell);
}

function optionsIn(text: string): string[] {
  return cells(text)
    .flatMap((cell) => [...cell.matchAll(/`--([\w-]+)/g)])
    .map(([, name = ""]) => name);
}

describe.each(["send", "check", "bench", "sink"])("docs/cli.md and %s --help", (command) => {
  test("have the same options", async () => {
    const { out } = await runCli([command, "--help"]);
    const helped = [...(out.split("\nExamples:\n")[0] ?? "").matchAll(/^ +(?:-\w, )?--([\w-]+)/gm)]
      .map(([, name = ""]) => name)
      .filter((name) => name !== "help" && name !== "version");
    const server = command === "sink" ? [] : optionsIn(section("The server"));
    expect(helped.length).toBeGreaterThan(5);
    expect([...optionsIn(section(command)), ...server].toSorted()).toEqual(helped.toSorted());
  });

  test("have the same exit statuses", async () => {
    const { out } = await runCli([command, "--help"]);
    const helped = [...(out.split("Exit status:\n")[1] ?? "").matchAll(/^ +(\d+) {2}/gm)].map(
      ([, status]) => status,
    );
    expect(helped.length).toBeGreaterThan(2);
    expect(cells(section(command)).filter((cell) => /^\d+$/.test(cell))).toEqual(helped);
  });

  test("name the same values", async () => {
    const { out } = await runCli([command, "--help"]);
    const choices = [...out.matchAll(/choices:([^\]]*)\]/g)].flatMap(([, list = ""]) => [
      ...list.matchAll(/"([\w-]+)"/g),
    ]);
    for (const [, value] of choices) {
      expect(`${section(command)}${section("The server")}`).toContain(`\`${value}\``);
    }
  });
});

test("docs/cli.md names every command that help names", async () => {
  const { out } = await runCli(["--help"]);
  const commands = [...out.matchAll(/^ {2}smtp-pipelining (\w+)/gm)].map(([, name]) => `\`${name}\``);
  expect(commands.length).toBeGreaterThan(4);
  // yargs names its own first.
  expect(cells(DOCUMENT.split("\n## ")[0] ?? "").slice(1)).toEqual([...commands.slice(1), commands[0]]);
});
