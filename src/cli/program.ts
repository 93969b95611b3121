import { PACKAGE_VERSION } from "../observability/version.ts";
import { BENCH } from "./bench/spec.ts";
import { CHECK } from "./check/spec.ts";
import { EX, type ExitStatus } from "./exit-status.ts";
import { CommandFailure, errorText } from "./failure.ts";
import { nameOf, parseArguments } from "./parse.ts";
import { SEND } from "./send/spec.ts";
import type { Shell } from "./shell.ts";
import { SINK } from "./sink/spec.ts";

const NAME = "smtp-pipelining";
const COLUMNS = 80;
const COMMANDS = [SEND, CHECK, BENCH, SINK];

/** Runs the command line. Fulfils with the exit status; never rejects. */
export async function run(shell: Shell): Promise<ExitStatus> {
  const { args, stdout, stderr } = shell;
  // Whoever read it may have seen enough; what that means is for each command to say.
  stdout.on("error", () => undefined);
  stderr.on("error", () => undefined);
  try {
    const parsed = await parseArguments(
      {
        name: NAME,
        version: PACKAGE_VERSION,
        commands: COMMANDS,
        columns: stdout.columns ?? COLUMNS,
      },
      args,
    );
    if (parsed.kind === "print") {
      stdout.write(parsed.text);
      return EX.OK;
    }
    const runCommand = await parsed.command.load();
    return await runCommand(parsed.given, shell);
  } catch (error) {
    return complain(error, shell);
  }
}

/** Says what is wrong. @returns the exit status for it */
function complain(error: unknown, { args, stderr }: Shell): ExitStatus {
  const missing = missingPackage(error);
  if (missing !== undefined) {
    stderr.write(`${NAME}: ${missingText(missing)}\n`);
    return EX.UNAVAILABLE;
  }
  if (error instanceof CommandFailure) {
    stderr.write(`${NAME}: ${error.message}\n`);
    if (error.status === EX.USAGE) {
      const command = COMMANDS.map(nameOf).find((name) => name === args[0]);
      stderr.write(`${command === undefined ? NAME : `${NAME} ${command}`} --help says more.\n`);
    }
    return error.status;
  }
  const stack = error instanceof Error ? error.stack : undefined;
  stderr.write(`${NAME}: a fault in this program: ${stack ?? errorText(error)}\n`);
  return EX.SOFTWARE;
}

/** What `--otlp` needs, and nothing else does. */
const TRACING = [
  "@opentelemetry/api",
  "@opentelemetry/exporter-trace-otlp-http",
  "@opentelemetry/resources",
  "@opentelemetry/sdk-trace-base",
];

function missingText(name: string): string {
  const what = `the package ${name} is not installed, and`;
  if (name === "prom-client") return `${what} --metrics needs it: npm install ${name}`;
  if (TRACING.includes(name)) return `${what} --otlp needs it: npm install ${TRACING.join(" ")}`;
  return (
    `${what} this command needs it: npm install ${name}\n` +
    "The command line's packages are optional dependencies: npm install without --omit=optional brings them."
  );
}

/** The package that an import did not find. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || (error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND")
    return undefined;
  return /^Cannot find package '([^']+)'/.exec(error.message)?.[1];
}
