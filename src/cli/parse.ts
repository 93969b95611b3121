import type { Argv } from "yargs";
import type { CommandSpec, OptionSpec } from "./command.ts";
import { COMMON_STATUSES } from "./exit-status.ts";
import { usageFailure } from "./failure.ts";
import { type Given, given } from "./given.ts";

/** What a command line asks for. */
export type Parsed =
  /** To print this: help, the version, what completes a word. */
  | { readonly kind: "print"; readonly text: string }
  | { readonly kind: "run"; readonly command: CommandSpec; readonly given: Given };

/** How a program is called, and what it can do. */
export interface ProgramSpec {
  readonly name: string;
  readonly version: string;
  readonly commands: readonly CommandSpec[];
  /** Columns of help. */
  readonly columns: number;
}

const COLUMNS_LEAST = 40;
const COLUMNS_MOST = 100;

/** Parses a command line with yargs. @throws CommandFailure for wrong usage */
export async function parseArguments(program: ProgramSpec, args: readonly string[]): Promise<Parsed> {
  const { default: yargs } = await import("yargs");
  let chosen: { readonly command: CommandSpec; readonly values: Record<string, unknown> } | undefined;
  let printed = "";
  let parser: Argv = yargs()
    .scriptName(program.name)
    .usage("$0 <command> [options]")
    .locale("en")
    .exitProcess(false)
    .strict()
    .demandCommand(1, `A command is missing: write one of ${commandNames(program).join(", ")}`)
    .wrap(widthOf(program.columns))
    // What is written is taken as it is written: an address is no number, and a value is no list.
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "greedy-arrays": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "short-option-groups": false,
    })
    .version(program.version)
    .help()
    .alias("help", "h")
    .describe("help", "show this")
    .describe("version", "show the version")
    .completion("completion", "print a script that completes commands and options (bash, zsh)")
    .epilogue(`${program.name} <command> --help says more, with examples and exit statuses.`)
    .fail((message, error) => {
      throw usageFailure(complaint(message || error.message, args, program));
    });
  for (const command of program.commands) {
    parser = parser.command(
      command.usage,
      command.summary,
      (yargs) => describe(yargs, command, program),
      (values) => {
        chosen = { command, values };
      },
    );
  }
  await parser.parseAsync([...args], {}, (_error, _values, output) => {
    if (output !== "") printed += `${output}\n`;
  });
  if (printed !== "") return { kind: "print", text: printed };
  if (chosen === undefined) throw usageFailure(`A command is missing: write ${program.name} --help`);
  const { command, values } = chosen;
  checkFlags(command, args);
  return { kind: "run", command, given: given(withLiterals(command, values)) };
}

function describe(yargs: Argv, command: CommandSpec, program: ProgramSpec): Argv {
  let described = yargs.usage(`$0 ${command.usage} [options]\n\n${command.about.join("\n\n")}`);
  for (const [name, what] of Object.entries(command.positionals)) {
    described = described.positional(name, { type: "string", describe: what });
  }
  for (const [name, option] of Object.entries(command.options)) {
    described = described.option(name, optionOf(option));
  }
  return described.epilogue(`${examples(command, program)}\n\n${statuses(command, program)}`);
}

function optionOf({ kind, describe, choices, group }: OptionSpec): object {
  const value =
    kind === "flag" ? { type: "boolean" } : { type: "string", requiresArg: true, array: kind === "texts" };
  return {
    ...value,
    describe,
    ...(choices !== undefined && { choices }),
    ...(group !== undefined && { group: `${group}:` }),
  };
}

/** Below each other: side by side, a terminal has no room for them. */
function examples(command: CommandSpec, { name, columns }: ProgramSpec): string {
  const lines = command.examples.map(
    ([line, what]) => `  # ${what}\n  ${folded(`${name} ${line}`, widthOf(columns) - 4, " \\\n    ")}`,
  );
  return ["Examples:", ...lines].join("\n");
}

/** Text in several lines where one has no room for it. @param between ends a line and begins the next */
function folded(text: string, width: number, between: string): string {
  const indent = between.length - between.lastIndexOf("\n") - 1;
  let column = 0;
  let lines = "";
  for (const word of text.split(" ")) {
    const breaks = column > 0 && column + 1 + word.length > width;
    lines += breaks ? `${between}${word}` : column === 0 ? word : ` ${word}`;
    column = breaks ? indent + word.length : column + word.length + (column === 0 ? 0 : 1);
  }
  return lines;
}

function widthOf(columns: number): number {
  return Math.min(Math.max(columns, COLUMNS_LEAST), COLUMNS_MOST);
}

function statuses(command: CommandSpec, { columns }: ProgramSpec): string {
  const lines = [...command.statuses, ...COMMON_STATUSES]
    .toSorted(([one], [other]) => one - other)
    .map(([status, meaning]) => {
      const text = folded(meaning, widthOf(columns) - 7, `\n${" ".repeat(7)}`);
      return `${String(status).padStart(5)}  ${text}`;
    });
  return ["Exit status:", ...lines].join("\n");
}

/** What stands behind `--` is taken literally; yargs leaves it with the command's name. */
function withLiterals(command: CommandSpec, values: Record<string, unknown>): Record<string, unknown> {
  const { _: words = [], ...others } = values as { readonly _?: readonly (string | number)[] };
  const literals = words.slice(1).map(String);
  const many = /\[(\w+)\.\.\.\]/.exec(command.usage)?.[1];
  if (literals.length === 0) return others;
  if (many === undefined) throw usageFailure(`${literals[0]} is one argument too many`);
  const before = (others as Record<string, unknown>)[many];
  return { ...others, [many]: [...(Array.isArray(before) ? before : []), ...literals] };
}

/** yargs takes whatever stands behind the `=` of a flag for false. */
function checkFlags(command: CommandSpec, args: readonly string[]): void {
  for (const arg of args.slice(0, args.includes("--") ? args.indexOf("--") : args.length)) {
    const [, name = "", value] = /^--([\w-]+)=(.*)$/s.exec(arg) ?? [];
    if (value !== undefined && command.options[name]?.kind === "flag") {
      throw usageFailure(`--${name} takes no value: write --${name} alone`);
    }
  }
}

/** The word that a command is called by. */
export function nameOf({ usage }: CommandSpec): string {
  return usage.split(" ", 1)[0] ?? "";
}

function commandNames({ commands }: ProgramSpec): string[] {
  return [...commands.map(nameOf), "completion"];
}

/** What yargs complains of, in words that say what to write. */
function complaint(message: string, args: readonly string[], program: ProgramSpec): string {
  const command = program.commands.find((each) => nameOf(each) === args[0]);
  const [, unknown] = /^Unknown arguments?: (.*)$/s.exec(message) ?? [];
  if (unknown !== undefined) return unknownArgument(unknown.split(", ")[0] ?? "", args, command, program);
  const [, unfilled] = /^Not enough arguments following: (.*)$/s.exec(message) ?? [];
  if (unfilled !== undefined) return `--${unfilled} needs a value: write --${unfilled} VALUE`;
  const [, option, value, choices] = /Argument: (\S+), Given: (.*), Choices: (.*)$/s.exec(message) ?? [];
  if (option !== undefined && choices !== undefined) {
    return `--${option} ${value?.replaceAll('"', "")} is not usable: write one of ${choices.replaceAll('"', "")}`;
  }
  if (/^Not enough non-option arguments/.test(message) && command !== undefined) {
    return `An argument is missing: write ${program.name} ${command.usage}`;
  }
  return message;
}

function unknownArgument(
  name: string,
  args: readonly string[],
  command: CommandSpec | undefined,
  program: ProgramSpec,
): string {
  const option = args.find((arg) => arg.startsWith("-") && arg.replace(/^-+/, "").split("=")[0] === name);
  if (option === undefined) {
    if (command !== undefined)
      return `${name} is one argument too many: write ${program.name} ${command.usage}`;
    return `There is no command ${name}: write one of ${commandNames(program).join(", ")}`;
  }
  const written = option.split("=")[0] ?? "";
  const known = [...Object.keys(command?.options ?? {}), "help", "version"].map((each) => `--${each}`);
  const near = known
    .map((each) => ({ each, distance: editDistance(written, each) }))
    .toSorted((one, other) => one.distance - other.distance)[0];
  const hint = near !== undefined && near.distance <= 3 ? `: did you mean ${near.each}?` : "";
  return `There is no option ${written}${hint}`;
}

/** Levenshtein's distance. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
