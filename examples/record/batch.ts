import type { Message } from "smtp-pipelining";
import type { Refusal } from "../deliver/embedded-server.ts";

const SENDER = "billing@example.org";

/** One invoice for each of these lists of recipients. */
const RECIPIENTS: readonly (readonly string[])[] = [
  ["alice@example.net"],
  ["bob@example.net", "carol@example.net", "nobody@example.net"],
  ["dave@example.com"],
  ["busy@example.net", "erin@example.com"],
  ["nobody@example.net", "gone@example.com"],
  ["frank@example.net", "not an address"],
  ["grace@example.com"],
  ["heidi@example.net", "ivan@example.net"],
  ["judy@example.com"],
  ["kate@example.net"],
];

/** The sender of the message whose arrival ends the connection: its fate stays unknown. */
export const FATAL_SENDER = "last-words@example.org";

/** What is sent. The message of the fatal sender comes before the last two. */
export function batch(): Message[] {
  const messages = RECIPIENTS.map((to, i) => invoice(i + 1, SENDER, to));
  messages.splice(-2, 0, invoice(0, FATAL_SENDER, ["ruth@example.net", "sam@example.net"]));
  return messages;
}

function invoice(n: number, from: string, to: readonly string[]): Message {
  const id = n === 0 ? "final-notice" : `invoice-${String(n).padStart(3, "0")}`;
  const line = "Thank you for your order; the amount is due within 30 days.\r\n";
  const data = `From: ${from}\r\nSubject: ${id}\r\n\r\n${line.repeat(1 + ((n * 7) % 11))}`;
  return { id, from, to, data };
}

/** Whom the server refuses, and how. */
export function refusal(address: string): Refusal | undefined {
  if (address.startsWith("nobody@")) return { code: 550, text: "No such user here" };
  if (address.startsWith("gone@")) return { code: 551, text: "User has moved away" };
  if (address.startsWith("busy@")) return { code: 450, text: "Mailbox busy, try again later" };
  return undefined;
}
