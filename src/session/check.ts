/** Checks of values that callers give. Each says why a value won't do; undefined if it will. */
export type Check = (value: unknown) => string | undefined;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as it is shown in an error: short, and never a secret's worth of text. */
export function shownValue(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null)
    return `an instance of ${value.constructor?.name ?? "Object"}`;
  return typeof value === "function" ? "a function" : String(value);
}

/** What a thrown value says, whatever it is: anything can be thrown, also what can't become a string. */
export function causeText(cause: unknown): string {
  try {
    return String(cause instanceof Error ? cause.message : cause);
  } catch {
    return "a value that can't be shown";
  }
}

export const string: Check = (value) => (typeof value === "string" ? undefined : "must be a string");

export const boolean: Check = (value) => (typeof value === "boolean" ? undefined : "must be a boolean");

export const number: Check = (value) => (typeof value === "number" ? undefined : "must be a number");

export const func: Check = (value) => (typeof value === "function" ? undefined : "must be a function");

export const signal: Check = (value) => {
  const problem = "must be an AbortSignal";
  try {
    return value instanceof AbortSignal && typeof value.aborted === "boolean" ? undefined : problem;
  } catch {
    return problem; // of its shape only: it can't be listened to
  }
};

export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): Check {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `must be an integer from ${least}${most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`}`;
}

/** Milliseconds that a Node.js timer can count. */
export const milliseconds: Check = integer(1, 2_147_483_647);

export function oneOf(...values: readonly string[]): Check {
  const list = values.map((value) => JSON.stringify(value)).join(", ");
  return (value) => (values.includes(value as string) ? undefined : `must be one of ${list}`);
}

/** Reads and checks each field of a record. @throws TypeError that names the field and says what was wrong. */
function readFields(value: Record<string, unknown>, fields: Record<string, Check>, prefix: string): object {
  const read: Record<string, unknown> = {};
  for (const name of namesOf(value, fields)) {
    const given = readField(value, name, prefix);
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (check !== undefined) read[name] = given;
    if (given === undefined) continue;
    if (check === undefined) {
      throw new TypeError(`${prefix}${name} is unknown; known are ${Object.keys(fields).join(", ")}`);
    }
    const problem = check(given);
    if (problem !== undefined) throw new TypeError(`${prefix}${name} ${problem}, not ${shownValue(given)}`);
  }
  return read;
}

/** A record's own names, to find unknown ones; and the known ones that it inherits, or hides. */
function namesOf(value: Record<string, unknown>, fields: Record<string, Check>): Iterable<string> {
  const own = Object.keys(value);
  const plain = Object.getPrototypeOf(value) === Object.prototype;
  // The usual case, once for each message: nothing is inherited, and nothing hidden.
  if (plain && Object.getOwnPropertyNames(value).length === own.length) return own;
  return new Set([...own, ...Object.keys(fields).filter((name) => name in value)]);
}

function readField(value: Record<string, unknown>, name: string, prefix: string): unknown {
  try {
    return value[name];
  } catch (cause) {
    throw new TypeError(`${prefix}${name} can't be read: ${causeText(cause)}`, { cause });
  }
}

/**
 * Checks that a value is a record with the fields of a table.
 * @returns a plain copy, each field read once: a getter can't say one thing to the check and another later
 * @throws TypeError that names the field and says what was wrong
 */
export function readRecord(value: unknown, fields: Record<string, Check>, name: string): object {
  if (!isRecord(value)) throw new TypeError(`${name} must be an object, not ${shownValue(value)}`);
  return readFields(value, fields, `${name}.`);
}

/** A record whose fields are checked by a table. */
export function record(fields: Record<string, Check>, name: string): Check {
  return (value) => {
    if (!isRecord(value)) return "must be an object";
    readFields(value, fields, `${name}.`);
    return undefined;
  };
}
