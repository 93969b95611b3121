const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

/** A field of a header section, RFC 5322 §2.2. */
export interface Field {
  /** In lower case. */
  readonly name: string;
  /** What stands behind the colon, unfolded. Octets that are no UTF-8 are U+FFFD. */
  readonly body: string;
  /** Where the field begins and where the next line does, in octets of the text. */
  readonly start: number;
  readonly end: number;
}

/** The header section of a text. */
export interface Header {
  readonly fields: readonly Field[];
  /** Octets of it, without the empty line behind it. */
  readonly octets: number;
  /** Whether an empty line ends it; else it may go on where the text does. */
  readonly ended: boolean;
  /** Whether the text begins with a field, with an empty line, or as old archives do: with a quoted `From ` line. */
  readonly begun: boolean;
}

// RFC 5322 §3.6.8, and §4.5 for the white space before the colon.
const FIELD = /^([!-9;-~]+)[ \t]*:/;

/**
 * Reads the header section at the beginning of a text. A bare CR and a bare LF end a line too, as they do when the
 * text is sent: a field that others will see is seen here. A line that is no field is passed over.
 */
export function readHeader(text: Buffer): Header {
  const fields: Field[] = [];
  let start = 0; // of the field, or of lines that are none
  let begun = text.toString("latin1", 0, 6) === ">From ";
  const close = (end: number): void => {
    const line = text.toString("latin1", start, Math.min(end, start + 1_000));
    const [matched, name] = FIELD.exec(line) ?? [];
    if (matched === undefined || name === undefined) return;
    begun ||= start === 0;
    const body = text.toString("utf8", start + matched.length, end).replace(/[\r\n]+/g, "");
    fields.push({ name: name.toLowerCase(), body, start, end });
  };
  for (let at = 0; at < text.length; ) {
    const first = text[at];
    if (first === CR || first === LF) {
      close(at);
      return { fields, octets: at, ended: true, begun: begun || at === 0 };
    }
    if (first !== SPACE && first !== TAB && at > start) {
      close(at);
      start = at;
    }
    at = lineEnd(text, at);
  }
  close(text.length);
  return { fields, octets: text.length, ended: false, begun };
}

/** Where the next line begins. */
function lineEnd(text: Buffer, from: number): number {
  for (let at = from; at < text.length; at++) {
    const octet = text[at];
    if (octet === LF) return at + 1;
    if (octet === CR) return text[at + 1] === LF ? at + 2 : at + 1;
  }
  return text.length;
}
