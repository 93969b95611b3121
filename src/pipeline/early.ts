import type { Capabilities } from "../protocol/capabilities.ts";
import { type TlsState, unsupported, unsupportedAddress } from "./extensions.ts";
import { mailCommand, rcptCommand, type Transaction } from "./transaction.ts";

// Early pipelining: to a server that offered PIPECONNECT to an earlier connection, EHLO and the first envelope leave
// with the connection, before the greeting came. The reply to EHLO says whether it was right to send them.

/** The first group of a connection, until the reply to its EHLO decides on it. */
export interface EarlyGroup {
  readonly transaction: Transaction;
  /** MAIL and RCPT as they were sent. */
  readonly lines: readonly string[];
  /** The server is not as it was: its replies to the group decide nothing, and the message goes out again. */
  undone: boolean;
}

/** Whether the envelope of a message may leave before the server has said what it offers. */
export function mayLeaveEarly(transaction: Transaction, offered: Capabilities, tls: TlsState): boolean {
  return (
    offersEarly(offered) &&
    // Nobody is refused on account of what a server offered yesterday.
    unsupported(transaction, offered, tls, "data") === undefined &&
    transaction.recipients.every((each) => unsupportedAddress(each, offered) === undefined)
  );
}

export function offersEarly(capabilities: Capabilities): boolean {
  return capabilities.has("PIPECONNECT") && capabilities.has("PIPELINING");
}

/** The commands of the envelope, to those recipients who were asked. */
export function envelopeLines(transaction: Transaction, capabilities: Capabilities): string[] {
  const asked = transaction.recipients.filter((recipient) => recipient.asked === true);
  return [
    mailCommand(transaction, capabilities),
    ...asked.map((recipient) => rcptCommand(recipient, capabilities)),
  ];
}

/** Whether the envelope would be the same by what the server offers now. */
export function stands(
  { transaction, lines }: EarlyGroup,
  capabilities: Capabilities,
  tls: TlsState,
): boolean {
  if (!mayLeaveEarly(transaction, capabilities, tls)) return false;
  const now = envelopeLines(transaction, capabilities);
  return now.every((line, i) => line === lines[i]);
}
