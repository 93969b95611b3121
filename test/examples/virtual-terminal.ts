/** What a reader sees of a terminal's output, as far as our examples control it. Every character is one column. */
export interface Seen {
  readonly rows: readonly string[];
  readonly cursorVisible: boolean;
}

/** Plays output on a terminal with endless rows below. @throws Error for a sequence that it does not know */
export function play(output: string, columns: number): Seen {
  const rows: string[] = [""];
  let row = 0;
  let column = 0;
  let cursorVisible = true;
  const put = (character: string): void => {
    if (column === columns) {
      row++;
      column = 0;
    }
    const line = (rows[row] ?? "").padEnd(column);
    rows[row] = line.slice(0, column) + character + line.slice(column + 1);
    column++;
  };
  for (const token of tokens(output)) {
    const [, parameter = "", final] = /^.\[([\d?;]*)([A-Za-z])$/s.exec(token) ?? [];
    if (token === "\r") column = 0;
    else if (token === "\n") {
      // Between a program and a terminal a line feed becomes CR LF.
      rows[++row] ??= "";
      column = 0;
    } else if (final === undefined) put(token);
    else if (final === "A") row = Math.max(0, row - Number(parameter || 1));
    else if (final === "K") rows[row] = (rows[row] ?? "").slice(0, column);
    else if (final === "J") {
      rows[row] = (rows[row] ?? "").slice(0, column);
      rows.length = row + 1;
    } else if (parameter === "?25") cursorVisible = final === "h";
    else if (final !== "m") throw new Error(`unknown sequence ${JSON.stringify(token)}`);
  }
  return { rows, cursorVisible };
}

/** Characters, and escape sequences whole. */
function tokens(output: string): string[] {
  return output.split("\x1b[").flatMap((part, i) => {
    if (i === 0) return [...part];
    const end = part.search(/[A-Za-z]/) + 1;
    return [`\x1b[${part.slice(0, end)}`, ...part.slice(end)];
  });
}
