/** Where output goes: `process.stdout`, or anything like it. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const COLOURS = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 };
const CLEAR_LINE = "\r\x1b[2K";
/** Milliseconds between two updates of the status line: faster than anybody reads. */
const REFRESH = 20;

/** Lines, and on a terminal a status line below them that is updated in place. */
export class Screen {
  readonly #out: Output;
  readonly #terminal: boolean;
  readonly #coloured: boolean;
  #status: (() => string) | undefined;
  #refresh: NodeJS.Timeout | undefined;

  constructor(out: Output, env: Readonly<Record<string, string | undefined>>) {
    this.#out = out;
    this.#terminal = out.isTTY === true && env["TERM"] !== "dumb";
    this.#coloured = this.#terminal && !env["NO_COLOR"];
  }

  /** Columns that lines should keep to. */
  get width(): number {
    return Math.min(Math.max(this.#out.columns || 100, 72), 120);
  }

  /** Colours a text, on a terminal. */
  paint(colour: keyof typeof COLOURS, text: string): string {
    return this.#coloured && text !== "" ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
  }

  print(...lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#clear();
    this.#out.write(`${lines.join("\n")}\n`);
    this.#draw();
  }

  /** From now on shows a status line, on a terminal. */
  follow(status: () => string): void {
    if (!this.#terminal) return;
    this.#status = status;
    this.#draw();
  }

  /** The status may have changed: shows it soon. */
  touch(): void {
    if (this.#status === undefined || this.#refresh !== undefined) return;
    this.#refresh = setTimeout(() => {
      this.#refresh = undefined;
      this.#clear();
      this.#draw();
    }, REFRESH);
  }

  /** Takes the status line away. */
  unfollow(): void {
    clearTimeout(this.#refresh);
    this.#clear();
    this.#status = undefined;
  }

  #clear(): void {
    if (this.#status !== undefined) this.#out.write(CLEAR_LINE);
  }

  #draw(): void {
    if (this.#status !== undefined) this.#out.write(shorten(this.#status(), (this.#out.columns || 80) - 1));
  }
}

/** Cuts a text to a width. Control characters become visible: what a server says goes to no terminal as it is. */
export function shorten(text: string, width: number): string {
  const shown = text.replace(/\p{Cc}/gu, "·");
  return shown.length <= width ? shown : `${shown.slice(0, width - 1)}…`;
}

/** `1,234`. */
export function number(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `1 message`, `2 messages`. */
export function count(value: number, thing: string): string {
  return `${number(value)} ${thing}${value === 1 ? "" : "s"}`;
}
