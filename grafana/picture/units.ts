const SI = ["", " K", " Mil", " Bil"];
const BINARY = ["B", "KiB", "MiB", "GiB"];

/** How a value of each unit of the dashboard is written, as Grafana writes it. */
const FORMATS: Readonly<Record<string, (value: number) => string>> = {
  short: (value) => scaled(value, 1_000, SI),
  percentunit: (value) => `${digits(value * 100)}%`,
  s: (value) => (Math.abs(value) < 1 && value !== 0 ? `${digits(value * 1_000)} ms` : `${digits(value)} s`),
  bytes: (value) => scaled(value, 1_024, BINARY, " "),
  binBps: (value) => `${scaled(value, 1_024, BINARY, " ")}/s`,
  cps: (value) => `${digits(value)} c/s`,
  eps: (value) => `${digits(value)} evt/s`,
  mps: (value) => `${digits(value)} msg/s`,
  reqps: (value) => `${digits(value)} req/s`,
};

/** Writes a value. @throws Error for a unit that is not known */
export function written(value: number, unit = "short"): string {
  const format = FORMATS[unit];
  if (format === undefined) throw new Error(`the unit ${unit} is not known here`);
  return format(value);
}

/** Three digits, as far as they say something. */
function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function scaled(value: number, step: number, names: readonly string[], space = ""): string {
  let rest = value;
  let power = 0;
  while (Math.abs(rest) >= step && power < names.length - 1) {
    rest /= step;
    power++;
  }
  return `${digits(rest)}${space}${names[power]}`;
}
