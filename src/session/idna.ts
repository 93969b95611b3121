import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { forwardPathProblem, isAscii } from "../protocol/address.ts";

/**
 * An address beyond ASCII with its domain in A-labels (RFC 5890), for a server without SMTPUTF8.
 * Undefined for an address that is ASCII already, whose local part is not, or whose domain has no such form.
 */
export function asciiForm(address: string): string | undefined {
  if (isAscii(address) || forwardPathProblem(address) !== undefined) return undefined;
  const at = address.lastIndexOf("@");
  const localPart = address.slice(0, at);
  if (!isAscii(localPart)) return undefined;
  const domain = domainToASCII(address.slice(at + 1));
  // Digits of other scripts become those of an IP address: another host than was meant.
  if (domain === "" || isIP(domain) !== 0) return undefined;
  const form = `${localPart}@${domain}`;
  return isAscii(form) && forwardPathProblem(form) === undefined ? form : undefined;
}
