/** A count with separators, as 12,345. */
export function count(number: number): string {
  return Math.round(number).toLocaleString("en-US");
}

/** A count with its noun. */
export function counted(number: number, noun: string, plural: string = `${noun}s`): string {
  return `${count(number)} ${number === 1 ? noun : plural}`;
}

/** A rate: with a digit behind the point where it is small. */
export function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : count(perSecond);
}

/** Octets in the largest unit of which there is one. */
export function octets(number: number): string {
  const units = ["octets", "KiB", "MiB", "GiB", "TiB"];
  const exponent = Math.min(Math.floor(Math.log2(Math.max(number, 1)) / 10), units.length - 1);
  const amount = number / 1_024 ** exponent;
  return `${exponent === 0 || amount >= 100 ? count(amount) : amount.toFixed(1)} ${units[exponent]}`;
}

/** A duration of some length: 8 s, 2 min 05 s, 3 h 07 min. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${padded(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${padded(minutes % 60)} min`;
}

function padded(number: number): string {
  return String(number).padStart(2, "0");
}

/** A short time, in milliseconds. */
export function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : count(ms)} ms`;
}
