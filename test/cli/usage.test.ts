import { describe, expect, test } from "vitest";
import { runCli } from "../support/cli-shell.ts";

const COMMANDS = ["send", "check", "bench", "sink"];

describe("help", () => {
  test("names every command, and where more is said", async () => {
    const { status, out } = await runCli(["--help"]);
    expect(status).toBe(0);
    for (const command of [...COMMANDS, "completion"]) {
      expect(out).toMatch(new RegExp(`^ {2}smtp-pipelining ${command}\\b`, "m"));
    }
    expect(out).toContain("smtp-pipelining <command> --help says more");
  });

  test.each(COMMANDS)("of %s has examples and exit statuses, and fits a terminal", async (command) => {
    const { status, out } = await runCli([command, "--help"]);
    expect(status).toBe(0);
    expect(out).toMatch(/^Examples:\n {2}# .+\n {2}smtp-pipelining /m);
    expect(out).toMatch(/^Exit status:\n {4}0 {2}/m);
    expect(out).toMatch(/^ {3}64 {2}wrong usage/m);
    expect(out).toMatch(/^ {3}70 {2}/m);
  });

  test("--version", async () => {
    expect(await runCli(["--version"])).toEqual({ status: 0, out: "0.1.0\n", errors: "" });
  });
});

describe("wrong usage names the option and what to write", () => {
  test.each<[string, string[], RegExp]>([
    ["no command", [], /A command is missing: write one of .*check/],
    ["no such command", ["chek"], /no command chek: write one of .*check/],
    ["an unknown option", ["sink", "--prot", "1"], /no option --prot: did you mean --port\?\n.* sink --help/],
    ["an unknown option like none", ["sink", "--frobnicate"], /no option --frobnicate\n/],
    ["an option without its value", ["sink", "--port"], /--port needs a value: write --port VALUE/],
    ["an option twice", ["sink", "--port", "1", "--port", "2"], /--port is given 2 times: write it once/],
    ["no number", ["sink", "--port", "smtp"], /--port smtp .*whole number from 0 to 65535/],
    ["a number out of range", ["sink", "--port", "65536"], /--port 65536 .*from 0 to 65535/],
    ["no time", ["sink", "--latency", "soon"], /--latency soon .*500ms, 30s or 5m/],
    ["a flag with a value", ["check", "a", "--json=no"], /--json takes no value/],
    [
      "no value of the list",
      ["check", "a", "--tls", "maybe"],
      /--tls maybe .*opportunistic, required, implicit, off/,
    ],
    ["no server", ["check"], /An argument is missing: write smtp-pipelining check <url>/],
    ["two servers", ["check", "a", "b"], /b is one argument too many/],
    ["two servers behind --", ["check", "a", "--", "-b"], /-b is one argument too many/],
    [
      "no URL of a mail server",
      ["check", "http://example.org"],
      /example\.org is no server: write smtp:\/\/host/,
    ],
    ["a path in the URL", ["check", "smtp://example.org/inbox"], /write smtp:\/\/host/],
    ["a bad escape", ["check", "smtp://me:secret%@example.org"], /percent-encoded.*write %25/],
    [
      "a user without a password",
      ["check", "a", "--user", "me"],
      /--user me: no password.*SMTP_PASSWORD.*--password-file/,
    ],
    [
      "a password without a user",
      ["check", "a", "--password-file", "f"],
      /--password-file needs a user: write --user/,
    ],
    ["two users", ["check", "smtp://me:secret@a", "--user", "me"], /--user is given.*URL/],
    [
      "two passwords",
      ["check", "smtp://me:secret@a", "--password-file", "f"],
      /--password-file is given.*URL/,
    ],
    ["an unfit name", ["check", "a", "--name", "two words"], /--name must be a domain/],
    ["an unfit port", ["check", "a:0"], /the server's port must be an integer/],
  ])("%s", async (_, args, complaint) => {
    const { status, out, errors } = await runCli(args);
    expect(errors).toMatch(complaint);
    expect({ status, out }).toEqual({ status: 64, out: "" });
    expect(errors).not.toContain("secret");
    expect(errors).toMatch(/--help says more\.\n$/);
  });
});

test("a file of an option that can't be read", async () => {
  const { status, errors } = await runCli(["check", "a", "--ca", "/nowhere/ca.pem"]);
  expect(status).toBe(78);
  expect(errors).toMatch(/--ca \/nowhere\/ca\.pem can't be read: ENOENT/);
});

test("completion: a script for the shell, and what completes a word", async () => {
  const script = await runCli(["completion"]);
  expect(script.status).toBe(0);
  expect(script.out).toContain("smtp-pipelining --get-yargs-completions");
  const options = await runCli(["--get-yargs-completions", "smtp-pipelining", "sink", "--"]);
  expect(options.out.split("\n")).toEqual(expect.arrayContaining(["--port", "--refuse", "--help"]));
  const values = await runCli(["--get-yargs-completions", "smtp-pipelining", "check", "a", "--tls", ""]);
  expect(values.out.trim().split("\n")).toEqual(["opportunistic", "required", "implicit", "off"]);
});
