import { type Delivery, type Message, type SessionOptions, SmtpSession } from "smtp-pipelining";
import { expect, onTestFinished } from "vitest";

// What every real server is sent: recipients that it takes and refuses, and texts that a server or a client could spoil.

export const FROM = "sender@example.org";

/** Those that have a mailbox, by their local parts. */
export const MAILBOXES: readonly string[] = ["anna", "bert", "carl"];

const LISTS: readonly (readonly string[])[] = [
  ["anna@example.net"],
  ["anna@example.net", "nobody@example.net", "bert@example.net"],
  ["nobody@example.net", "busy@example.net", "someone@elsewhere.example"],
  ["busy@example.net", "carl@example.net"],
  ["anna@example.net", "bert@example.net", "carl@example.net"],
  ["nobody@example.net"],
  ["bert@example.net"],
];

const BODIES: readonly string[] = [
  "Short.\r\n",
  ".\r\n..\r\n.leading dot\r\n.\r\n",
  "MAIL FROM:<x@example.org>\r\n.\r\nQUIT\r\n",
  "Größe, 大きさ\r\n",
  `${"x".repeat(900)}\r\n`,
  ".line\r\n".repeat(20_000),
  "\r\n\r\n\r\n",
  "",
];

/** What of these a server does not bear, apart from what it says. */
export interface Workload {
  /** 8-bit text is refused by the session, where the server does not offer 8BITMIME. Default true. */
  readonly eightBit?: boolean;
  /** Whether the server refuses a text with {@link UNWANTED} at its end. Default true. */
  readonly refusesText?: boolean;
}

export interface Sent extends Message {
  readonly id: string;
  readonly to: readonly string[];
  readonly data: string;
}

/** What a server refuses at the end of the text. */
const UNWANTED = "X-Refuse: please\r\n";

/** So many messages, each of its own text; every eleventh is refused for its text. */
export function messages(
  name: string,
  count: number,
  { eightBit = true, refusesText = true }: Workload = {},
): Sent[] {
  return Array.from({ length: count }, (_, i) => {
    const body = BODIES[i % BODIES.length] ?? "";
    return {
      id: `${name}-${i}`,
      from: FROM,
      to: LISTS[i % LISTS.length] ?? [],
      data: `Subject: ${name} ${i}\r\n${refusesText && i % 11 === 10 ? UNWANTED : ""}\r\n${eightBit ? body : body.replace(/[^\r\n -~]/g, "?")}`,
    };
  });
}

/** Every recipient with its fate, in few words. */
export function fates({ id, recipients }: Delivery): string[] {
  return recipients.map((result) => {
    const reply = result.status === "unknown" ? undefined : result.reply;
    const retryable = result.status === "failed" ? ` ${result.retryable}` : "";
    const enhanced = reply?.enhanced === undefined ? "" : ` ${reply.enhanced}`;
    return `${id} ${result.address}: ${result.status} ${result.stage} ${reply?.code}${enhanced}${retryable}`;
  });
}

/** What a server says to each recipient that it does not take, and to texts. */
export interface Said {
  readonly refused: Readonly<Record<string, string>>;
  readonly taken: string;
  readonly unwanted: string;
}

export function expectedFates({ id, to, data }: Sent, said: Said): string[] {
  const text = data.includes(UNWANTED) ? said.unwanted : said.taken;
  return to.map((address) => `${id} ${address}: ${said.refused[address] ?? text}`);
}

export function session(port: number, options: Partial<SessionOptions>): SmtpSession {
  const made = new SmtpSession({ host: "127.0.0.1", port, name: "client.example", ...options });
  onTestFinished(() => made.destroy());
  return made;
}

/** What is in the mailboxes is what was sent to them, octet for octet, and nothing else of these messages. */
export async function expectDelivered(
  name: string,
  sent: readonly Sent[],
  delivered: (recipient: string) => Promise<string[]>,
): Promise<void> {
  for (const mailbox of MAILBOXES.map((each) => `${each}@example.net`)) {
    const mine = (await delivered(mailbox)).filter((text) => text.startsWith(`Subject: ${name} `)).sort();
    const expected = sent
      .filter(({ to, data }) => !data.includes(UNWANTED) && to.includes(mailbox))
      .map(({ data }) => Buffer.from(data).toString("latin1"))
      .sort();
    // Not with toEqual: its report of two hundred long texts would take minutes.
    expect(mine.length, mailbox).toBe(expected.length);
    const other = mine.findIndex((text, i) => text !== expected[i]);
    expect(
      other === -1 ? "" : `${mine[other]}\ninstead of\n${expected[other]}`.slice(0, 4_000),
      mailbox,
    ).toBe("");
  }
}
