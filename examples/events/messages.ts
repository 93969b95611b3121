import type { Message } from "smtp-pipelining";

const SHOP = "shop@example.org";

/** The sender whom the server refuses. */
export const UNWELCOME = "offers@example.com";
/** The sender of the message whose text the server may leave unanswered. */
export const UNANSWERED = "club@example.org";

/** A message for each kind of fate. */
export const MESSAGES: readonly Message[] = [
  { id: "welcome", from: SHOP, to: "ana@example.net", data: text("Welcome!") },
  // One of two is refused for good: the other gets the message all the same.
  { id: "invoice", from: SHOP, to: ["bob@example.net", "nobody@example.net"], data: text("Your invoice") },
  // Refused for now: worth another try.
  { id: "reminder", from: SHOP, to: "busy@example.net", data: text("A reminder") },
  // An address that can't stand in a command costs only itself: nothing of it is sent.
  { id: "news", from: SHOP, to: ["carol@example.net", "not an address"], data: text("News") },
  // The server refuses the sender, and so all recipients.
  { id: "offers", from: UNWELCOME, to: ["ana@example.net", "bob@example.net"], data: text("Buy now") },
  { id: "meeting", from: UNANSWERED, to: "dave@example.net", data: text("Our meeting") },
  { id: "goodbye", from: SHOP, to: "erin@example.net", data: text("Goodbye!") },
];

function text(subject: string): string {
  return `Subject: ${subject}\r\n\r\n${subject}\r\n`;
}
