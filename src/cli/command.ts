import type { ExitStatus, StatusMeanings } from "./exit-status.ts";
import type { Given } from "./given.ts";
import type { Shell } from "./shell.ts";

/** An option of a command. */
export interface OptionSpec {
  /** `"text"`: has a value, once; `"texts"`: has a value, may be repeated; `"flag"`: has none. */
  readonly kind: "text" | "texts" | "flag";
  readonly describe: string;
  /** The values there are. */
  readonly choices?: readonly string[];
  /** The heading that help shows it under. */
  readonly group?: string;
}

/** Options by name, without their dashes. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** A command as the parser, help and completion know it. What it does is loaded when it is run. */
export interface CommandSpec {
  /** As in `"check <url>"`: `<needed>`, `[optional]`, `[any...]`. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Paragraphs for its own help. */
  readonly about: readonly string[];
  /** Its positional arguments, by name. */
  readonly positionals: Readonly<Record<string, string>>;
  readonly options: OptionSpecs;
  readonly examples: readonly (readonly [line: string, what: string])[];
  readonly statuses: StatusMeanings;
  /** Loads what it does. */
  load(): Promise<RunCommand>;
}

/** Does the work of a command. @throws CommandFailure where it can't */
export type RunCommand = (given: Given, shell: Shell) => Promise<ExitStatus>;
