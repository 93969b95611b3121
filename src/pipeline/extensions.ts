import { isAscii } from "../protocol/address.ts";
import { type Capabilities, maximumSize } from "../protocol/capabilities.ts";
import { minimumDeliverBy } from "../protocol/deliver-by.ts";
import { SmtpError } from "../protocol/errors.ts";
import { exceededHold } from "../protocol/future-release.ts";
import type { PeerWarning } from "./observer.ts";
import type { Recipient, TextDeclaration, TextForm, Transaction } from "./transaction.ts";

// What a message needs of the server's extensions. Without them it can't be sent (unsupported), a recipient can't have
// it (unsupportedAddress), or it goes out without what it asks for, and a warning says so (OPTIONAL).

/** What protects the connection. */
export type TlsState = "none" | "unverified" | "verified";

type Mailbox = Pick<Recipient, "address" | "asciiAddress">;

/** RFC 6531 §3.1: SMTPUTF8 is offered only together with 8BITMIME. */
export function offersUtf8(capabilities: Capabilities): boolean {
  return capabilities.has("SMTPUTF8") && capabilities.has("8BITMIME");
}

/** Whether MAIL has to say SMTPUTF8, RFC 6531 §3.4. */
export function needsUtf8({ from, recipients, parameters }: Transaction): boolean {
  return (
    parameters.smtputf8 === true ||
    !isAscii(from) ||
    recipients.some(({ address, result }) => result === undefined && !isAscii(address))
  );
}

/** The path as this server can be told it: as it is, or its domain in A-labels; undefined if neither will do. */
export function pathFor({ address, asciiAddress }: Mailbox, capabilities: Capabilities): string | undefined {
  return isAscii(address) || offersUtf8(capabilities) ? address : asciiAddress;
}

/** What the server, or the connection, lacks for this message; undefined if it can be sent. */
export function unsupported(
  transaction: Transaction,
  capabilities: Capabilities,
  tls: TlsState,
  form: TextForm,
): SmtpError | undefined {
  const { text, from, asciiFrom } = transaction;
  return (
    textUnsupported(text, capabilities) ??
    binaryUnsupported(text, capabilities, form) ??
    unsupportedAddress({ address: from, asciiAddress: asciiFrom }, capabilities) ??
    parametersUnsupported(transaction, capabilities, tls)
  );
}

/** RFC 1870 §6.1, RFC 6152 §3. */
function textUnsupported(text: TextDeclaration, capabilities: Capabilities): SmtpError | undefined {
  const most = maximumSize(capabilities);
  if (most !== undefined && text.size !== undefined && text.size > most) {
    return new SmtpError(
      "ESMTP_SIZE_EXCEEDED",
      `The message has ${text.size} octets, the server takes ${most} (SIZE)`,
    );
  }
  const needsEightBit = text.body !== "BINARYMIME" && (text.eightBit ?? text.body === "8BITMIME");
  return needsEightBit && !capabilities.has("8BITMIME")
    ? lacking(
        "The message has 8-bit text and the server does not offer 8BITMIME; encode it (quoted-printable, base64)",
      )
    : undefined;
}

/** RFC 3030 §3: BINARYMIME goes with BDAT alone. */
function binaryUnsupported(
  { body }: TextDeclaration,
  capabilities: Capabilities,
  form: TextForm,
): SmtpError | undefined {
  if (body !== "BINARYMIME") return undefined;
  if (!capabilities.has("BINARYMIME")) {
    return lacking(
      "The text is BINARYMIME, which the server does not offer; encode it (base64) for 8BITMIME",
    );
  }
  return form === "data"
    ? lacking(
        "The text is BINARYMIME and needs CHUNKING, which is off, not offered, or not borne by the server",
      )
    : undefined;
}

/** What the server lacks for an address; undefined if it can be told it. */
export function unsupportedAddress(mailbox: Mailbox, capabilities: Capabilities): SmtpError | undefined {
  if (pathFor(mailbox, capabilities) !== undefined) return undefined;
  const address = JSON.stringify(mailbox.address);
  return lacking(`The address ${address} needs SMTPUTF8, which the server does not offer with 8BITMIME`);
}

function parametersUnsupported(
  { parameters }: Transaction,
  capabilities: Capabilities,
  tls: TlsState,
): SmtpError | undefined {
  const { smtputf8, requireTls, deliverBy, hold } = parameters;
  if (smtputf8 === true && !offersUtf8(capabilities)) {
    return lacking("The message needs SMTPUTF8, which the server does not offer with 8BITMIME");
  }
  if (requireTls === true) {
    const missing = tlsMissing(capabilities, tls);
    if (missing !== undefined) return lacking(`The message requires TLS (REQUIRETLS): ${missing}`);
  }
  // With mode N the message itself is delivered as ever; with R it would be delivered too late.
  if (deliverBy?.mode === "R") {
    if (!capabilities.has("DELIVERBY")) {
      return lacking(
        "The message is to be delivered in time or returned: the server does not offer DELIVERBY",
      );
    }
    const least = minimumDeliverBy(capabilities);
    if (deliverBy.seconds < least) {
      const asked = `is to be delivered within ${deliverBy.seconds} seconds or returned`;
      return lacking(`The message ${asked}, the server takes ${least} or more (DELIVERBY)`);
    }
  }
  if (hold === undefined) return undefined;
  if (!capabilities.has("FUTURERELEASE")) {
    return lacking(
      "The message is to be held: the server does not offer FUTURERELEASE and would send it at once",
    );
  }
  const exceeded = exceededHold(hold, capabilities);
  return exceeded === undefined
    ? undefined
    : lacking(`The message is to be held beyond the server's limit of ${exceeded} (FUTURERELEASE)`);
}

/** RFC 8689 §4.2.1: all three, or the message does not go. */
function tlsMissing(capabilities: Capabilities, tls: TlsState): string | undefined {
  const missing: string[] = [];
  if (tls === "none") missing.push("the connection is not under TLS");
  if (tls === "unverified") missing.push("the server's certificate was not verified");
  if (!capabilities.has("REQUIRETLS")) missing.push("the server does not offer REQUIRETLS");
  return missing.length === 0 ? undefined : missing.join(", and ");
}

function lacking(message: string): SmtpError {
  return new SmtpError("ESMTP_UNSUPPORTED", message);
}

/** What a message can go without: said once a session. */
export interface OptionalExtension {
  readonly extension: string;
  readonly asked: (transaction: Transaction) => boolean;
  readonly warning: PeerWarning;
}

export const OPTIONAL: readonly OptionalExtension[] = [
  {
    extension: "DSN",
    asked: ({ parameters: { dsn }, recipients }) =>
      dsn?.ret !== undefined || dsn?.envid !== undefined || recipients.some((each) => each.dsn !== undefined),
    warning: {
      code: "ESMTP_DSN_UNSUPPORTED",
      message: "The server does not offer DSN: what messages ask about notifications is not passed on",
    },
  },
  {
    extension: "DELIVERBY",
    asked: ({ parameters }) => parameters.deliverBy !== undefined,
    warning: {
      code: "ESMTP_DELIVERBY_UNSUPPORTED",
      message: "The server does not offer DELIVERBY: by when messages are to be delivered is not passed on",
    },
  },
  {
    extension: "MT-PRIORITY",
    asked: ({ parameters }) => parameters.mtPriority !== undefined,
    warning: {
      code: "ESMTP_MT_PRIORITY_UNSUPPORTED",
      message: "The server does not offer MT-PRIORITY: the priority of messages is not passed on",
    },
  },
];
