import type { Readable } from "node:stream";
import type { NotifyCondition } from "../protocol/dsn.ts";
import { isRecord } from "../session/check.ts";
import type { MessageRecipient } from "../session/message.ts";
import type { MessageDsn } from "../session/parameters.ts";
import { apiError } from "./errors.ts";

/** What is read of a message as nodemailer hands it to a transport. */
export interface Mail {
  readonly data: {
    /** Notifications, in nodemailer's words: `{ret | return, envid | id, notify, recipient | orcpt}`. */
    readonly dsn?: unknown;
    readonly signal?: AbortSignal | undefined;
    readonly auth?: unknown;
    /** Sends the message only under TLS all the way (REQUIRETLS, RFC 8689). */
    readonly requireTLSExtensionEnabled?: boolean | undefined;
  };
  readonly message: {
    /** `{from, to}`, and whatever else stands in the message's `envelope`. */
    getEnvelope(): object;
    messageId(): string;
    createReadStream(): Readable;
  };
}

/** An envelope as it goes out. */
export interface Envelope {
  /** `""` is the null reverse-path. */
  readonly from: string;
  /** The addresses alone. */
  readonly addresses: readonly string[];
  readonly to: readonly MessageRecipient[];
  readonly dsn: MessageDsn | undefined;
  readonly requireTls: boolean;
}

// As nodemailer's connection checks them: one unfit address fails the message, and nothing of it is sent.
const UNFIT = /[\r\n<>]/;

/** @throws NodemailerError `EENVELOPE` */
export function readEnvelope({ data, message }: Mail): Envelope {
  const envelope = message.getEnvelope() as Readonly<Record<string, unknown>>;
  const from = addressOf(envelope["from"]);
  const addresses = [envelope["to"] ?? []].flat().map(addressOf);
  if (addresses.length === 0) throw apiError("EENVELOPE", "No recipients defined");
  if (UNFIT.test(from)) throw apiError("EENVELOPE", `Invalid sender ${JSON.stringify(from)}`);
  const unfit = addresses.find((address) => address === "" || UNFIT.test(address));
  if (unfit !== undefined) throw apiError("EENVELOPE", `Invalid recipient ${JSON.stringify(unfit)}`);
  const { ofMessage, ofRecipients } = readDsn(data.dsn ?? envelope["dsn"]);
  return {
    from,
    addresses,
    to: addresses.map((address) => ({ address, ...ofRecipients })),
    dsn: ofMessage,
    requireTls: Boolean(data.requireTLSExtensionEnabled ?? envelope["requireTLSExtensionEnabled"]),
  };
}

function addressOf(value: unknown): string {
  const address = isRecord(value) ? value["address"] : value;
  return (address || "").toString().trim();
}

interface Dsn {
  readonly ofMessage: MessageDsn | undefined;
  readonly ofRecipients: {
    readonly notify?: "NEVER" | readonly NotifyCondition[];
    readonly orcpt?: string;
  };
}

const RET: Readonly<Record<string, "FULL" | "HDRS">> = {
  FULL: "FULL",
  BODY: "FULL",
  HDRS: "HDRS",
  HEADERS: "HDRS",
};

const CONDITIONS: readonly NotifyCondition[] = ["SUCCESS", "FAILURE", "DELAY"];

function readDsn(given: unknown): Dsn {
  if (!given) return { ofMessage: undefined, ofRecipients: {} };
  const record = isRecord(given) ? given : {};
  const text = (...names: readonly string[]): string =>
    (names.map((name) => record[name]).find(Boolean) || "").toString();
  const wantedRet = text("ret", "return").toUpperCase();
  const ret = Object.hasOwn(RET, wantedRet) ? RET[wantedRet] : undefined;
  if (wantedRet !== "" && ret === undefined) throw invalidDsn("ret", wantedRet);
  const envid = text("envid", "id");
  const orcpt = text("recipient", "orcpt");
  const notify = readNotify(record["notify"]);
  return {
    ofMessage: { ...(ret !== undefined && { ret }), ...(envid !== "" && { envid }) },
    ofRecipients: { ...(notify !== undefined && { notify }), ...(orcpt !== "" && { orcpt }) },
  };
}

function readNotify(given: unknown): "NEVER" | readonly NotifyCondition[] | undefined {
  if (!given) return undefined;
  const list: unknown[] = typeof given === "string" ? given.split(",") : [given].flat();
  const words = list.map((each) => String(each).trim().toUpperCase());
  if (words.length === 1 && words[0] === "NEVER") return "NEVER";
  const known = CONDITIONS.filter((condition) => words.includes(condition));
  // Each once: so the server is asked.
  if (known.length !== words.length) throw invalidDsn("notify", words.join(","));
  return known;
}

function invalidDsn(field: string, value: string): Error {
  return apiError("EENVELOPE", `Invalid DSN ${field}: ${JSON.stringify(value)}`);
}
