import type { MessageRecipient } from "../../index.ts";
import { type AddressEntry, readAddresses } from "./addresses.ts";
import type { Field } from "./header.ts";
import type { InputOptions } from "./input.ts";

/** What is known of an envelope besides the header section. */
export interface Known {
  readonly from?: string | undefined;
  readonly to?: MessageRecipient | readonly MessageRecipient[] | undefined;
  /** The `From ` line of an mbox file. */
  readonly fromLine?: string | undefined;
}

/** An envelope, or what it lacks. */
export type EnvelopeOrLack =
  | {
      readonly from: string;
      readonly to: MessageRecipient | readonly MessageRecipient[];
      readonly code?: undefined;
    }
  | { readonly code: "no-sender" | "no-recipients"; readonly reason: string };

/**
 * The envelope of a message: what was given, and for the rest what its header section says. If the message was resent,
 * its newest block of Resent- fields says it (RFC 5322 §3.6.6): the others are of earlier ways.
 */
export function readEnvelope(
  fields: readonly Field[],
  known: Known,
  reversePath: InputOptions["reversePath"],
): EnvelopeOrLack {
  const resent = newestResent(fields);
  let from = known.from;
  if (from === undefined && reversePath !== "header") from = givenPath(fields, resent[0], known.fromLine);
  if (from === undefined) {
    const author = resent.length > 0 ? sender(resent, "resent-") : sender(fields, "");
    if (author.address === undefined) return { code: "no-sender", reason: author.reason };
    from = author.address;
  }
  if (known.to !== undefined) return { from, to: known.to };
  const to = resent.length > 0 ? recipients(resent, "resent-") : recipients(fields, "");
  if (to.length > 0) return { from, to };
  const names = resent.length > 0 ? "Resent-To, Resent-Cc or Resent-Bcc" : "To, Cc or Bcc";
  return {
    code: "no-recipients",
    reason: `it has nobody in ${names}: give its recipients with --to, or in such a field`,
  };
}

/** The first block of Resent- fields: up to another field, or to one of a name that was there already. */
function newestResent(fields: readonly Field[]): readonly Field[] {
  const first = fields.findIndex(({ name }) => name.startsWith("resent-"));
  if (first === -1) return [];
  const names = new Set<string>();
  const rest = fields.slice(first);
  const end = rest.findIndex(({ name }) => {
    const over = !name.startsWith("resent-") || names.has(name);
    names.add(name);
    return over;
  });
  return end === -1 ? rest : rest.slice(0, end);
}

/**
 * The reverse-path that the message last had: of its final delivery (RFC 5321 §4.4), or of its way into an mbox file.
 * A Return-Path below Resent- fields is that of an earlier way.
 */
function givenPath(
  fields: readonly Field[],
  resent: Field | undefined,
  fromLine: string | undefined,
): string | undefined {
  const field = fields.find(({ name }) => name === "return-path");
  if (field !== undefined && (resent === undefined || field.start < resent.start)) {
    const [path, ...others] = readAddresses(field.body);
    if (path?.address !== undefined && others.length === 0) return path.address;
  }
  return fromLine === undefined ? undefined : fromLinePath(fromLine);
}

/**
 * The address of a `From ` line. Many write something else there: `-`, `MAILER-DAEMON`, a number `@xxx`, the name of
 * a user on this host. So it counts only with a domain of two labels or more.
 */
function fromLinePath(line: string): string | undefined {
  const [, word = ""] = /^From +(\S+)/.exec(line) ?? [];
  const [path, ...others] = readAddresses(word);
  if (path?.address === undefined || others.length > 0) return undefined;
  return /@[^@]+\.[^@]+$/.test(path.address) ? path.address : undefined;
}

type Author =
  | { readonly address: string; readonly reason?: undefined }
  | { readonly address?: undefined; readonly reason: string };

/** Who sends it: Sender, else the one mailbox of From (RFC 5322 §3.6.2). */
function sender(fields: readonly Field[], prefix: "" | "resent-"): Author {
  const title = prefix === "" ? "" : "Resent-";
  for (const [name, shown] of [
    [`${prefix}sender`, `${title}Sender`],
    [`${prefix}from`, `${title}From`],
  ]) {
    const found = fields.filter((field) => field.name === name).flatMap(({ body }) => readAddresses(body));
    const [first, ...others] = found;
    if (first === undefined) continue;
    if (others.length > 0) {
      return {
        reason: `its ${shown} has ${found.length} mailboxes and it has no Sender: give one with --from`,
      };
    }
    if (first.address) return { address: first.address };
    return { reason: `its ${shown} is no address (${quote(first)}): give the sender with --from` };
  }
  return { reason: `it has no ${title}From: give its sender with --from, or in such a field` };
}

/** Each address once. What is none is kept: it fails by itself, and the others get the message. */
function recipients(fields: readonly Field[], prefix: "" | "resent-"): string[] {
  const names = ["to", "cc", "bcc"].map((name) => `${prefix}${name}`);
  const found = new Map<string, string>();
  for (const { name, body } of fields) {
    if (!names.includes(name)) continue;
    for (const entry of readAddresses(body)) {
      const address = entry.address ?? entry.text;
      const at = address.lastIndexOf("@");
      const key = address.slice(0, at) + address.slice(at).toLowerCase();
      if (!found.has(key)) found.set(key, address);
    }
  }
  return [...found.values()];
}

function quote(entry: AddressEntry): string {
  const text = entry.address ?? entry.text;
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
