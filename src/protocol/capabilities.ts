import type { Reply } from "./reply.ts";

/** What a server's EHLO reply offers: keywords in upper case, each with its parameters (`""` if it has none). */
export type Capabilities = ReadonlyMap<string, string>;

const KEYWORD = /^([a-z\d][a-z\d-]*)(?:[ =](.*))?$/i;

/** Reads an EHLO reply, RFC 5321 §4.1.1.1: the first line is the greeting, each other one a keyword. */
export function parseCapabilities(reply: Reply): Capabilities {
  const capabilities = new Map<string, string>();
  for (const line of reply.lines.slice(1)) {
    const [, keyword, parameters] = KEYWORD.exec(line.trim()) ?? [];
    // Of two lines for one keyword the first counts: "AUTH=…", for clients of old, comes behind "AUTH …".
    if (keyword !== undefined && !capabilities.has(keyword.toUpperCase())) {
      capabilities.set(keyword.toUpperCase(), parameters?.trim() ?? "");
    }
  }
  return capabilities;
}

/** The parameters of an extension, `true` if it has none, `false` if it is not offered. Case-insensitive. */
export function supports(capabilities: Capabilities, extension: string): boolean | string {
  const parameters = capabilities.get(extension.toUpperCase());
  return parameters === undefined ? false : parameters || true;
}

/** The greatest message size in octets that a server takes (RFC 1870 §3); undefined where it states none. */
export function maximumSize(capabilities: Capabilities): number | undefined {
  const parameters = capabilities.get("SIZE") ?? "";
  return /^\d{1,15}$/.test(parameters) && Number(parameters) > 0 ? Number(parameters) : undefined;
}

/** What a server takes of one session and of one transaction; infinite where it states nothing. */
export interface ServerLimits {
  /** Transactions of one session. */
  readonly mails: number;
  /** Recipients of one transaction. */
  readonly recipients: number;
  /** Domains among the recipients of one transaction. */
  readonly domains: number;
  /** Octets of one text (SIZE). */
  readonly octets: number;
}

/** The limits that a server states, RFC 9422 §4 and RFC 1870 §3. */
export function serverLimits(capabilities: Capabilities): ServerLimits {
  const given = new Map(
    (capabilities.get("LIMITS") ?? "")
      .split(/\s+/)
      .map((limit) => limit.toUpperCase().split("=", 2) as [string, string]),
  );
  const limit = (name: string): number => {
    const value = given.get(name) ?? "";
    // RFC 9422 §3: what is not as it should be is ignored; nothing can be sent in no transaction at all.
    return /^\d{1,6}$/.test(value) && Number(value) > 0 ? Number(value) : Number.POSITIVE_INFINITY;
  };
  return {
    mails: limit("MAILMAX"),
    recipients: limit("RCPTMAX"),
    domains: limit("RCPTDOMAINMAX"),
    octets: maximumSize(capabilities) ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * Whether the server is one that is known to store what stands behind a "." in the message itself, while every reply
 * of its is right: no watch can see that, so its name must do. Seen: Net::Server::Mail 0.28 stores the next envelope.
 */
export function storesFollowOn(greeting: Reply): boolean {
  return greeting.text.includes("Net::Server::Mail");
}

/**
 * Whether a greeting was garbled on the way, as firewalls do that rewrite SMTP: `220 ******0*2**`.
 * What stands behind such a firewall can't be trusted with much in one packet.
 */
export function garbledGreeting(greeting: Reply): boolean {
  return /\*{4}/.test(greeting.text);
}
