const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const LEVELS = "▁▂▃▄▅▆▇█";

/** A bar for a share from 0 to 1, at most so many columns long; what is not nothing is seen. */
export function bar(share: number, columns: number): string {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * columns * 8);
  const seen = share > 0 ? Math.max(eighths, 1) : 0;
  return "█".repeat(Math.floor(seen / 8)) + (EIGHTHS[seen % 8] ?? "");
}

/** Values as a line of little columns, from the smallest to the largest of them. */
export function sparkline(values: readonly number[]): string {
  const lowest = Math.min(...values);
  const range = Math.max(...values) - lowest;
  return values
    .map((value) => {
      const level = range === 0 ? 0 : ((value - lowest) / range) * (LEVELS.length - 1);
      return LEVELS[Math.round(level)] ?? "";
    })
    .join("");
}
