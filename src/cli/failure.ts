import { EX, type ExitStatus } from "./exit-status.ts";

/** A command can't go on. The message is for people: what is wrong, and what to do about it. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Wrong usage. @param problem begins with the option, and says what to write */
export function usageFailure(problem: string): CommandFailure {
  return new CommandFailure(EX.USAGE, problem);
}

/** What an error says, for people. Of a failed connection to several addresses Node.js gives no message. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { readonly code?: unknown };
  return error.message || (typeof code === "string" ? code : error.name);
}
