import { attachLogger, type Logger } from "../observability/logging.ts";
import type { SmtpPool } from "../pool/index.ts";

type LogFunction = (fields: object, message: string) => unknown;

/** A logger as nodemailer takes it: bunyan, pino, the console. A level that it lacks goes to one that it has. */
export type ExternalLogger = { readonly [level in "debug" | "info" | "warn" | "error"]?: LogFunction };

const LEVELS = ["debug", "info", "warn", "error"] as const;

/** Logs what a pool does. @throws TypeError for a logger without any level */
export function logPool(
  pool: SmtpPool,
  given: ExternalLogger | true,
  { component, wire }: { readonly component: string; readonly wire: boolean },
): void {
  const logger = given === true ? CONSOLE : given;
  const spare = ["info", ...LEVELS].find((level) => typeof of(logger, level) === "function");
  if (spare === undefined)
    throw new TypeError("options.logger must have the methods debug, info, warn and error");
  const line =
    (level: string): LogFunction =>
    (fields, message) => {
      const own = of(logger, level) === undefined ? spare : level;
      return of(logger, own)?.call(logger, { component, ...fields }, message);
    };
  const logging: Logger = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
  attachLogger(pool, logging, { wire });
}

function of(logger: ExternalLogger, level: string): LogFunction | undefined {
  return (logger as Readonly<Record<string, LogFunction | undefined>>)[level];
}

/** What `logger: true` stands for: a line on standard output for each. */
const CONSOLE: ExternalLogger = Object.fromEntries(
  LEVELS.map((level) => [
    level,
    (fields: object, message: string) => {
      const shown = JSON.stringify(fields, (_, value: unknown) =>
        value instanceof Error ? value.message : value instanceof Map ? [...value.keys()] : value,
      );
      console.log(`[${new Date().toISOString()}] ${level.toUpperCase().padEnd(5)} ${message} ${shown}`);
    },
  ]),
);
