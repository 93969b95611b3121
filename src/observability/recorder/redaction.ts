/** What becomes of addresses before anything is kept. */
export interface Redaction {
  /** An address by itself. */
  address(address: string): string;
  /** A text that may have addresses in it; `about` are those that it is probably about. */
  text(text: string, about?: readonly string[]): string;
  /** A command line. */
  line(line: string, about?: readonly string[]): string;
  /** Whether anything is replaced: only then is it worth knowing what a text is about. */
  readonly replaces: boolean;
}

/** Everything stays as it is. */
export const keepAddresses: Redaction = {
  address: (address) => address,
  text: (text) => text,
  line: (line) => line,
  replaces: false,
};

/**
 * More addresses than a recording of default size can show. A pseudonym is never given twice; an address that was
 * forgotten in the meantime gets another one.
 */
const MOST_PSEUDONYMS = 100_000;

// What comes before an @: a quoted string, or anything that no mail text uses around addresses.
const LOCAL_PART = String.raw`(?:"(?:[^"\\]|\\.)*"|[^\s<>()[\],;:"@]+)`;
const DOMAIN = String.raw`(?:\[[^\]\s]*\]|[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*)`;
const ADDRESS = `${LOCAL_PART}@${DOMAIN}`;
const NOT_IN_A_WORD = String.raw`(?<![\p{L}\p{N}._+-])`;
const NOT_BEFORE_A_WORD = String.raw`(?![\p{L}\p{N}_+-]|[.@][\p{L}\p{N}])`;

/** Local parts become `user-1`, `user-2` and so on, in the order in which they are met. */
export function pseudonymous(): Redaction {
  const numbers = new Map<string, number>();
  let last = 0;

  const pseudonym = (address: string): string => {
    const key = address.toLowerCase();
    const number = numbers.get(key) ?? ++last;
    // Behind all others again: the first one in the map is the one not met for longest.
    numbers.delete(key);
    numbers.set(key, number);
    if (numbers.size > MOST_PSEUDONYMS) {
      const [oldest] = numbers.keys();
      if (oldest !== undefined) numbers.delete(oldest);
    }
    return `user-${number}`;
  };

  const address = (whole: string): string => {
    // Every domain has a postmaster, RFC 5321 §4.5.1: the bare word says nothing of anybody.
    if (whole === "" || /^postmaster$/i.test(whole)) return whole;
    const at = whole.lastIndexOf("@");
    return at === -1 ? pseudonym(whole) : `${pseudonym(whole)}${whole.slice(at)}`;
  };

  const text = (given: string, about: readonly string[] = []): string => {
    // One pass, so that no pseudonym is taken for an address: known addresses, their local parts by themselves
    // ("550 alice: no such user"), and whatever looks like an address.
    const known = new Map<string, string>();
    for (const each of about) {
      if (each === "") continue;
      known.set(each.toLowerCase(), address(each));
      const at = each.lastIndexOf("@");
      if (at > 0 && address(each) !== each) known.set(each.slice(0, at).toLowerCase(), pseudonym(each));
    }
    const words = [...known.keys()].sort((a, b) => b.length - a.length).map(escaped);
    const alternatives = [
      ...(words.length > 0 ? [`${NOT_IN_A_WORD}(?:${words.join("|")})${NOT_BEFORE_A_WORD}`] : []),
      ADDRESS,
    ];
    return given.replace(
      new RegExp(alternatives.join("|"), "giu"),
      (found) => known.get(found.toLowerCase()) ?? address(found),
    );
  };

  const line = (given: string, about: readonly string[] = []): string => {
    const [, verb = "", argument = ""] = /^(VRFY|EXPN) (.*)$/i.exec(given) ?? [];
    // Their argument may be a local part by itself, or the name of a person.
    if (verb !== "") return `${verb} ${address(argument)}`;
    return text(given, about);
  };

  return { address, text, line, replaces: true };
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
