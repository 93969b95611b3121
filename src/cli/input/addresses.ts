// The address lists of header fields, RFC 5322 §3.4 and §4.4, for an envelope: what a mailbox is called does not
// matter here, what its address is does, to the letter. A phrase is never decoded, so that no encoded word can become
// an address; quotes of a local part are kept; what is no address is given as it stands, so that nobody is passed over.

/** One entry of a list: an address, or the text that is none. */
export type AddressEntry =
  | { readonly address: string; readonly text?: undefined }
  | { readonly address?: undefined; readonly text: string };

interface Token {
  /** A special by itself; `"` for a quoted-string, `[` for a domain-literal, `a` for an atom, `!` for what is broken off. */
  readonly kind: "<" | ">" | "@" | "," | ";" | ":" | "." | '"' | "[" | "a" | "!";
  /** A quoted-string's content; else as it stands. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** What stands for octets that are no UTF-8. */
const REPLACED = "\u{fffd}";

const WHITE = /[ \t\r\n]*/y;
const ATOM = /[^\s()<>[\]:;@\\,."]+/uy;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;
const LITERAL = /\[((?:[^[\]\\]|\\[\s\S])*)\]/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 5321 §4.1.2: qtextSMTP
const DOT_STRING = /^[^\s\x00-\x20"(),.:;<>@[\\\]]+(?:\.[^\s\x00-\x20"(),.:;<>@[\\\]]+)*$/u;

/** Reads an address list. `;` separates outside of groups too, as it does for those who write it. */
export function readAddresses(list: string): AddressEntry[] {
  const entries: AddressEntry[] = [];
  let element: Token[] = [];
  let angle = false;
  let group = false;
  const close = (): void => {
    const [first, last] = [element[0], element.at(-1)];
    if (first !== undefined && last !== undefined) {
      const address = readMailbox(element);
      entries.push(address === undefined ? { text: shown(list.slice(first.start, last.end)) } : { address });
    }
    element = [];
    angle = false;
  };
  for (const token of tokens(list)) {
    if (!angle && (token.kind === "," || token.kind === ";")) {
      close();
      if (token.kind === ";") group = false;
    } else if (!angle && !group && token.kind === ":" && element.every(({ kind }) => kind !== "@")) {
      element = []; // the name of a group
      group = true;
    } else {
      angle = token.kind === "<" || (angle && token.kind !== ">");
      element.push(token);
    }
  }
  close();
  return entries;
}

function* tokens(list: string): Generator<Token> {
  for (let at = 0; ; ) {
    at = blankEnd(list, at);
    const start = at;
    const character = list[at];
    if (character === undefined) return;
    const [kind, pattern] = LEXEMES[character] ?? (["a", ATOM] as const);
    if (pattern === undefined) {
      at++;
      yield { kind, value: character, start, end: at };
      continue;
    }
    pattern.lastIndex = at;
    const [matched, content] = pattern.exec(list) ?? [];
    if (matched === undefined) {
      // Without its end, or a character that can't stand here: what follows can't be told apart.
      const end = character === '"' || character === "[" || character === "(" ? list.length : at + 1;
      yield { kind: "!", value: list.slice(at, end), start, end };
      at = end;
      continue;
    }
    at += matched.length;
    yield { kind, value: content ?? matched, start, end: at };
  }
}

const LEXEMES: Readonly<Record<string, readonly [Token["kind"], RegExp?]>> = {
  "<": ["<"],
  ">": [">"],
  "@": ["@"],
  ",": [","],
  ";": [";"],
  ":": [":"],
  ".": ["."],
  '"': ['"', QUOTED],
  "[": ["[", LITERAL],
};

/** Behind white space and comments, which may hold comments. A comment without its end stays. */
function blankEnd(list: string, from: number): number {
  let at = from;
  for (;;) {
    WHITE.lastIndex = at;
    at += WHITE.exec(list)?.[0].length ?? 0;
    if (list[at] !== "(") return at;
    let depth = 0;
    let end = at;
    do {
      const character = list[end];
      if (character === undefined) return at;
      if (character === "(") depth++;
      else if (character === ")") depth--;
      else if (character === "\\") end++;
      end++;
    } while (depth > 0);
    at = end;
  }
}

/** The address of `phrase <route:address>`, or of a bare address; undefined if it is neither. */
function readMailbox(element: readonly Token[]): string | undefined {
  const open = element.findIndex(({ kind }) => kind === "<");
  if (open === -1) return readAddress(element);
  const phrase = element.slice(0, open);
  const inner = element.slice(open + 1, -1);
  if (element.at(-1)?.kind !== ">") return undefined;
  if ([...phrase, ...inner].some(({ kind }) => kind === "<" || kind === ">")) return undefined;
  if (inner.length === 0) return "";
  // RFC 5321 §C: a source route is to be ignored.
  const route = inner[0]?.kind === "@" ? inner.findIndex(({ kind }) => kind === ":") + 1 : 0;
  return readAddress(inner.slice(route));
}

function readAddress(address: readonly Token[]): string | undefined {
  const at = address.findIndex(({ kind }) => kind === "@");
  if (at < 1) return undefined;
  const words = address.slice(0, at);
  const local = dotted(words, "a", '"');
  const domain = address.slice(at + 1);
  const [literal] = domain;
  const host =
    literal?.kind === "[" && domain.length === 1
      ? `[${literal.value.replace(/\s/g, "")}]`
      : dotted(domain, "a");
  if (local === undefined || host === undefined || /^\.|\.\.|\.$/.test(host)) return undefined;
  const mailbox = `${localPart(local)}@${host}`;
  return mailbox.includes(REPLACED) ? undefined : mailbox;
}

/** Words with dots between them; a dot may also stand where RFC 5322 has none, as in `a..b`. */
function dotted(words: readonly Token[], ...kinds: readonly Token["kind"][]): string | undefined {
  let text = "";
  let word = false;
  for (const { kind, value } of words) {
    const another = kinds.includes(kind);
    if (kind !== "." && (!another || word)) return undefined;
    text += kind === '"' ? unquoted(value) : value;
    word = another;
  }
  return words.length === 0 ? undefined : text;
}

function unquoted(content: string): string {
  return content.replace(/\r?\n(?=[ \t])/g, "").replace(/\\([\s\S])/g, "$1");
}

/** Quoted only where it must be, RFC 5321 §4.1.2. */
function localPart(text: string): string {
  return DOT_STRING.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** As it is shown, and refused: no address itself, whatever stands in it. */
function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  return line.includes(REPLACED) ? `${line} (not UTF-8)` : line;
}
