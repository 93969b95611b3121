import type { Refusal } from "./embedded-server.ts";
import type { Mail } from "./mail.ts";

const SENDER = "sender@example.org";
const TEAM = ["alice@example.net", "bob@example.net", "carol@example.net"];

/** Who receives the example messages; all others go to the team. */
const ENVELOPES: Readonly<Record<string, Pick<Mail, "from" | "to">>> = {
  "02-newsletter-html.eml": { from: "newsletter@example.org", to: newsletter() },
  "03-attachment.eml": { from: SENDER, to: ["alice@example.net", "nobody-1@example.net", "bob@example.net"] },
  "05-dot-lines.eml": { from: SENDER, to: ["alice@example.net", "busy@example.net"] },
  "06-nobody-home.eml": { from: SENDER, to: ["nobody-1@example.net", "nobody-2@example.net"] },
  "12-tiny.eml": { from: SENDER, to: ["alice@example.net"] },
  "13-bounce.eml": { from: "", to: ["alice@example.net"] },
};

export function exampleEnvelope(name: string): Pick<Mail, "from" | "to"> {
  return ENVELOPES[name] ?? { from: SENDER, to: TEAM };
}

/** Whom the embedded server refuses, and how. */
export function exampleRefusal(address: string): Refusal | undefined {
  if (/^nobody-/i.test(address)) return { code: 550, text: "No such user here" };
  if (/^busy@/i.test(address)) return { code: 450, text: "Mailbox busy, try again later" };
  return undefined;
}

function newsletter(): string[] {
  const readers = Array.from({ length: 48 }, (_, i) => `reader-${i + 1}@example.net`);
  return readers.with(11, "nobody-3@example.net").with(40, "nobody-4@example.net");
}
