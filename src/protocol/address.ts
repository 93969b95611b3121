import { Buffer } from "node:buffer";
import { DOMAIN_OCTETS, LOCAL_PART_OCTETS, PATH_OCTETS } from "./limits.ts";

// RFC 5321 §4.1.2: Mailbox = Local-part "@" ( Domain / address-literal ), and RFC 6531 §3.3: UTF-8 beyond ASCII.
// The octets U+0080 to U+009F are control characters too and never pass.
const DOT_STRING =
  /^[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+)*$/u;
const QUOTED_STRING = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u{a0}-\u{10ffff}]|\\[\x20-\x7e])*"$/u;
// The underscore is no letter of RFC 1035, but hosts are named with it.
const LABEL = /^[a-z\d_\u{a0}-\u{10ffff}](?:[a-z\d_\u{a0}-\u{10ffff}-]*[a-z\d_\u{a0}-\u{10ffff}])?$/iu;
// Without the angle brackets that dcontent includes: no literal in use has them, and they end a path.
const ADDRESS_LITERAL = /^\[[\x21-\x3b\x3d\x3f-\x5a\x5e-\x7e]+\]$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is what it is for
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
const ASCII = /^[\x00-\x7f]*$/;

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text);
}

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** Octets of a string in UTF-8. */
export function octets(text: string): number {
  return Buffer.byteLength(text);
}

/**
 * Why an address can't stand in `RCPT TO:<…>`; undefined if it can.
 * `Postmaster` without a domain is an address (RFC 5321 §4.1.1.3).
 */
export function forwardPathProblem(address: string): string | undefined {
  return /^postmaster$/i.test(address) ? undefined : mailboxProblem(address);
}

/** Why an address can't stand in `MAIL FROM:<…>`; undefined if it can. The empty string is the null reverse-path. */
export function reversePathProblem(address: string): string | undefined {
  return address === "" ? undefined : mailboxProblem(address);
}

// What nearly every address looks like; the rules one by one take ten times as long.
const PLAIN = /^[\w+-]+(?:\.[\w+-]+)*@[a-z\d]+(?:[.-][a-z\d]+)*$/i;
const PLAIN_OCTETS = 63;

function mailboxProblem(address: string): string | undefined {
  if (address.length <= PLAIN_OCTETS && PLAIN.test(address)) return undefined;
  if (hasControlCharacter(address)) return "it has a control character";
  if (/\p{Cs}/u.test(address)) return "it is not well-formed Unicode";
  if (address === "") return "it is empty";
  if (/[<>]/.test(address) && !address.startsWith('"')) return "it has angle brackets; give the bare address";
  const at = address.lastIndexOf("@");
  if (at === -1) return "it has no @";
  return pathProblem(address, address.slice(0, at), address.slice(at + 1));
}

function pathProblem(address: string, localPart: string, domain: string): string | undefined {
  if (octets(localPart) > LOCAL_PART_OCTETS)
    return `its local-part is longer than ${LOCAL_PART_OCTETS} octets`;
  if (octets(domain) > DOMAIN_OCTETS) return `its domain is longer than ${DOMAIN_OCTETS} octets`;
  if (octets(address) + 2 > PATH_OCTETS) return `it is longer than ${PATH_OCTETS - 2} octets`;
  if (!DOT_STRING.test(localPart) && !QUOTED_STRING.test(localPart)) {
    return "its local-part is neither a dot-string nor a quoted-string";
  }
  if (!domainOrLiteral(domain)) return "its domain is neither a domain name nor an address literal";
  return undefined;
}

/** Whether a text is a domain name or an address literal, as it stands in addresses and in EHLO. */
export function domainOrLiteral(text: string): boolean {
  if (ADDRESS_LITERAL.test(text)) return true;
  return text.split(".").every((label) => label.length <= 63 && LABEL.test(label));
}
