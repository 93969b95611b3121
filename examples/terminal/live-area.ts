import { columnsOf, cut } from "./columns.ts";

/** A terminal as an area needs it: `process.stdout`, or anything like it. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const COLOURS = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 };

/** A stretch of a row in one colour. */
export type Stretch = string | readonly [colour: keyof typeof COLOURS, text: string];
export type Row = readonly Stretch[];

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_TO_END_OF_LINE = "\x1b[K";
const CLEAR_TO_END_OF_SCREEN = "\x1b[J";
const up = (rows: number): string => (rows > 0 ? `\x1b[${rows}A` : "");

/** Rows at the bottom of a terminal that are drawn anew in place. The cursor is hidden until the end. */
export class LiveArea {
  readonly #terminal: Terminal;
  readonly #coloured: boolean;
  /** Columns of the rows that stand there now. */
  #drawn: number[] = [];
  #hidden = false;

  constructor(terminal: Terminal, coloured: boolean) {
    this.#terminal = terminal;
    this.#coloured = coloured;
  }

  /** Columns that a row may have: the last one is left free, for some terminals wrap behind it. */
  get columns(): number {
    return Math.max((this.#terminal.columns || 80) - 1, 1);
  }

  /** Rows that are cut to what the terminal holds, in both directions. */
  draw(rows: readonly Row[]): void {
    const visible = rows.slice(0, Math.max((this.#terminal.rows || 24) - 1, 1));
    const { columns } = this;
    const shown = visible.map((row) => this.#paint(row, columns));
    const lines = shown.map(({ text }) => `${text}${CLEAR_TO_END_OF_LINE}\n`);
    const hide = this.#hidden ? "" : HIDE_CURSOR;
    this.#hidden = true;
    this.#terminal.write(`${hide}${this.#back()}${lines.join("")}${CLEAR_TO_END_OF_SCREEN}`);
    this.#drawn = shown.map(({ used }) => used);
  }

  /** Leaves what is drawn, and shows the cursor again. */
  end(): void {
    if (this.#hidden) this.#terminal.write(SHOW_CURSOR);
    this.#hidden = false;
    this.#drawn = [];
  }

  /** To the first row: a terminal that became narrower has wrapped the rows. */
  #back(): string {
    const columns = this.#terminal.columns || 80;
    const rows = this.#drawn.reduce((sum, used) => sum + Math.max(1, Math.ceil(used / columns)), 0);
    return `\r${up(rows)}`;
  }

  #paint(row: Row, columns: number): { readonly text: string; readonly used: number } {
    let text = "";
    let used = 0;
    for (const stretch of row) {
      const [colour, whole] = typeof stretch === "string" ? [undefined, stretch] : stretch;
      const part = cut(whole, columns - used);
      used += columnsOf(part);
      const painted = this.#coloured && colour !== undefined && part !== "";
      text += painted ? `\x1b[${COLOURS[colour]}m${part}\x1b[0m` : part;
    }
    return { text, used };
  }
}
