import { usageFailure } from "./failure.ts";

/** The bounds of a number. */
export interface Bounds {
  readonly least?: number;
  readonly most?: number;
}

/** What was given on a command line. Every method throws a CommandFailure that names the option. */
export interface Given {
  /** The value of an option; undefined if it was not given. */
  text(name: string): string | undefined;
  /** The value of an option, or of a positional argument, that has to be there. */
  needed(name: string): string;
  /** All values of an option that may be repeated, or of a positional argument. */
  texts(name: string): readonly string[];
  flag(name: string): boolean;
  integer(name: string, bounds?: Bounds): number | undefined;
  /** A time: `"500ms"`, `"30s"`, `"5m"`, `"2h"`; a bare number is milliseconds. */
  milliseconds(name: string): number | undefined;
  /** A number of octets: `"4096"`, `"64K"`, `"1M"`. */
  octets(name: string): number | undefined;
}

const MILLISECONDS: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const OCTETS: Readonly<Record<string, number>> = { "": 1, K: 1_024, M: 1_048_576 };

/** A Node.js timer can count no more. */
const LONGEST = 2_147_483_647;

/** @param values what the parser found: by name a string, an array of strings, or a boolean */
export function given(values: Readonly<Record<string, unknown>>): Given {
  const text = (name: string): string | undefined => {
    const value = values[name];
    if (Array.isArray(value)) throw usageFailure(`--${name} is given ${value.length} times: write it once`);
    return typeof value === "string" ? value : undefined;
  };
  const filled = (name: string): string | undefined => {
    const value = text(name)?.trim();
    if (value === "") throw usageFailure(`--${name} has an empty value: write one, or leave it away`);
    return value;
  };
  const scaled = (name: string, units: Readonly<Record<string, number>>, shape: string) => {
    const value = filled(name);
    if (value === undefined) return undefined;
    const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(value) ?? [];
    const scale = Object.hasOwn(units, unit) ? units[unit] : undefined;
    const number = scale === undefined ? Number.NaN : Math.round(Number(digits) * scale);
    if (!(number >= 1 && number <= LONGEST))
      throw usageFailure(`--${name} ${value} is not usable: write ${shape}`);
    return number;
  };
  return {
    text,
    needed: (name) => {
      const value = text(name);
      if (value === undefined || value === "") throw usageFailure(`--${name} is missing: write --${name} …`);
      return value;
    },
    texts: (name) => {
      const value = values[name];
      return value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)];
    },
    flag: (name) => values[name] === true,
    integer: (name, { least = 1, most = Number.MAX_SAFE_INTEGER } = {}) => {
      const value = filled(name);
      if (value === undefined) return undefined;
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (number >= least && number <= most) return number;
      const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
      throw usageFailure(`--${name} ${value} is not usable: write a whole number ${range}`);
    },
    milliseconds: (name) => scaled(name, MILLISECONDS, "a time, as 500ms, 30s or 5m"),
    octets: (name) => scaled(name, OCTETS, "a number of octets, as 4096, 64K or 1M"),
  };
}
