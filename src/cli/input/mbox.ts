import { FROM_LINE_OCTETS } from "./limits.ts";

// An mbox file, read as mbox(5) of qmail says: a `From ` line begins a message, whatever stands above it; the last
// empty line of a message is not part of it. Offsets count the octets of the file.

const FROM = "From ";
const LF = 0x0a;
const CR = 0x0d;
const NOTHING = Buffer.alloc(0);

/** What stands in an mbox file: a `From ` line, the octets of a text, the end of that text. */
export type MboxPart =
  | { readonly kind: "from"; readonly line: string; readonly offset: number; readonly textOffset: number }
  | { readonly kind: "text"; readonly octets: Buffer }
  | { readonly kind: "end"; readonly offset: number };

/**
 * Whether a line looks as RFC 4155 has it, with a date: hours and minutes, and a year. Where the first `From ` line
 * has one, a line without is text: there are many who do not quote.
 */
function dated(line: string): boolean {
  return /\s\d{1,2}:\d\d(?::\d\d)?\b/.test(line) && /\s(?:19|20)\d\d\b/.test(line);
}

/**
 * Finds the messages of an mbox file. What stands before the first `From ` line, empty lines apart, is a text too.
 */
export async function* mboxParts(blocks: AsyncIterable<Buffer>): AsyncGenerator<MboxPart> {
  let rest: Buffer = NOTHING; // what is not known to be text
  let offset = 0; // of `rest` in the file
  let before = LF; // the octet in front of it
  let strict: boolean | undefined;
  const text = new OpenText();
  const take = (count: number): Buffer => {
    const taken = rest.subarray(0, count);
    rest = rest.subarray(count);
    offset += count;
    before = taken.at(-1) ?? before;
    return taken;
  };
  for await (const block of blocks) {
    rest = rest.length === 0 ? block : Buffer.concat([rest, block]);
    for (let from = 0; ; ) {
      const at = rest.indexOf(FROM, from);
      if (at === -1) break;
      from = at;
      const begins = at === 0 ? before === LF : rest[at - 1] === LF;
      const end = begins ? rest.indexOf(LF, at) : -1;
      if (begins && end === -1 && rest.length - at <= FROM_LINE_OCTETS) break;
      const line = rest.toString("latin1", at, Math.min(end, at + FROM_LINE_OCTETS)).trimEnd();
      if (!begins || end === -1 || (strict && !dated(line))) {
        from = at + FROM.length;
        continue;
      }
      strict ??= dated(line);
      yield* text.push(take(at));
      yield* text.close(offset);
      const start = offset;
      take(end + 1 - at);
      yield { kind: "from", line, offset: start, textOffset: offset };
      text.open();
      from = 0;
    }
    yield* text.push(take(undecided(rest, before)));
  }
  yield* text.push(take(rest.length));
  yield* text.close(offset);
}

/** Where what may become a `From ` line begins. */
function undecided(octets: Buffer, before: number): number {
  const start = octets.lastIndexOf(LF) + 1;
  const begins = start > 0 || before === LF;
  const line = octets.toString("latin1", start, start + FROM.length);
  const open = begins && (line.length < FROM.length ? FROM.startsWith(line) : line === FROM);
  return open && octets.length - start <= FROM_LINE_OCTETS ? start : octets.length;
}

/** The text that is being read. Its last three octets are held back: there may be the empty line behind it. */
class OpenText {
  #held: Buffer = NOTHING;
  /** How much of it was passed on. */
  #passed = 0;
  /** In front of the first `From ` line: empty lines there are nothing. */
  #preamble = true;
  #open = false;

  open(): void {
    this.#open = true;
    this.#preamble = false;
  }

  *push(octets: Buffer): Generator<MboxPart> {
    if (this.#preamble && !this.#open) {
      if (octets.every((octet) => octet === LF || octet === CR)) return;
      this.#open = true;
    }
    if (octets.length === 0) return;
    const whole = this.#held.length === 0 ? octets : Buffer.concat([this.#held, octets]);
    const passed = Math.max(0, whole.length - 3);
    this.#held = Buffer.from(whole.subarray(passed));
    this.#passed += passed;
    if (passed > 0) yield { kind: "text", octets: whole.subarray(0, passed) };
  }

  /** @param offset where the next `From ` line begins, or the file ends */
  *close(offset: number): Generator<MboxPart> {
    if (!this.#open) return;
    const held = this.#held;
    const blank = emptyLine(held, this.#passed === 0);
    if (held.length > blank) yield { kind: "text", octets: held.subarray(0, held.length - blank) };
    yield { kind: "end", offset: offset - blank };
    this.#held = NOTHING;
    this.#passed = 0;
    this.#open = false;
  }
}

/** Octets of the empty line that a text ends with. */
function emptyLine(last: Buffer, whole: boolean): number {
  if (last.at(-1) !== LF) return 0;
  const octets = last.at(-2) === CR ? 2 : 1;
  const before = last.at(-1 - octets);
  return before === LF || (before === undefined && whole) ? octets : 0;
}
