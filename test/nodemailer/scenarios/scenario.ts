import type { SendMailOptions, Transporter } from "nodemailer";
import type { TestServer, TestServerOptions } from "smtp-pipelining/testing";
import type { Outcome } from "../outcome.ts";
import type { CommonOptions } from "../transporters.ts";

/** One way that sending a message can go, the same for each transport. */
export interface Scenario {
  readonly name: string;
  readonly server?: TestServerOptions;
  readonly options?: CommonOptions | ((server: TestServer) => CommonOptions | Promise<CommonOptions>);
  /** What it has beside {@link MAIL}. */
  readonly mail?: SendMailOptions | (() => SendMailOptions);
  /** Instead of sending the mail. */
  readonly run?: (transporter: Transporter, server: TestServer, mail: SendMailOptions) => Promise<unknown>;
  /** What nodemailer's SMTP transport says, as far as it shows that the scenario is what its name says. */
  readonly shows: Outcome;
  /** What ours says more where it fails: whether the message may be sent again. */
  readonly again?: "again" | "never" | "unknown";
  /** Where nodemailer's own pool differs from its SMTP transport: what it says instead; undefined: it lacks it. */
  readonly pool?: Outcome;
  /** Where ours differs on purpose. */
  readonly ours?: Difference;
}

/** How ours differs. */
export interface Difference {
  /** Why. */
  readonly because: string;
  /** What it says instead of single things; undefined: it lacks it. */
  readonly says?: Outcome;
  /** All that it says. */
  readonly instead?: Outcome;
  /** The commands of the envelopes of what the server accepted, where they are others. */
  readonly envelopes?: readonly (readonly string[])[];
}

export const MAIL: SendMailOptions = {
  from: "Ann <ann@example.org>",
  to: "bob@example.net",
  subject: "Hello",
  text: "Hello!",
  date: new Date("2026-11-23T12:00:00Z"),
  messageId: "<hello@example.org>",
};

export const TWO: SendMailOptions = { to: ["bob@example.net", "cid@example.net"] };

/** The envelope of {@link MAIL} on the wire. */
export const ENVELOPE: readonly string[] = ["MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.net>"];

/** What is told of {@link MAIL} once it was accepted. */
export const ACCEPTED: Outcome = {
  sent: true,
  accepted: ["bob@example.net"],
  rejected: [],
  envelopeTime: "number",
  messageTime: "number",
  messageSize: 244,
  response: "250 2.0.0 accepted as 1",
  envelope: { from: "ann@example.org", to: ["bob@example.net"] },
  messageId: "<hello@example.org>",
};

/** What a refused recipient is told as. */
export function refusedRecipient(recipient: string, response: string): Outcome {
  return {
    name: "Error",
    message: `Recipient command failed: ${response}`,
    code: "EENVELOPE",
    command: "RCPT TO",
    response,
    responseCode: Number(response.slice(0, 3)),
    permanent: response.startsWith("5"),
    recipient,
  };
}
