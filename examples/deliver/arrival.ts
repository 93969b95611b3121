import { readFile } from "node:fs/promises";
import type { Delivery } from "smtp-pipelining";
import type { Arrival } from "./embedded-server.ts";
import type { Mail } from "./mail.ts";

/**
 * The text as SMTP carries it: CRLF line ends, one behind the last line too. Written apart from the library's, from
 * RFC 5321 §2.3.8, and the plain way: it is what the library is checked against.
 */
export function canonical(text: Buffer): Buffer {
  const lines = text.toString("latin1").replace(/\r\n|\r|\n/g, "\r\n");
  return Buffer.from(lines === "" || lines.endsWith("\r\n") ? lines : `${lines}\r\n`, "latin1");
}

/** How what arrived differs from what was sent; undefined if it does not. */
export async function checkArrival(
  mail: Mail,
  { succeeded }: Delivery,
  arrival: Arrival | undefined,
): Promise<string | undefined> {
  if (arrival === undefined) return "nothing arrived";
  if (arrival.from !== mail.from) return `it arrived from <${arrival.from}>, not from <${mail.from}>`;
  const expected = succeeded.map(({ address }) => address).join(", ");
  const recipients = arrival.recipients.join(", ");
  if (recipients !== expected) return `it arrived for ${recipients}, not for ${expected}`;
  const sent = canonical(await readFile(mail.file));
  if (sent.equals(arrival.text)) return undefined;
  const at = sent.findIndex((octet, i) => octet !== arrival.text[i]);
  const octets = `${arrival.text.length} octets arrived, ${sent.length} were sent`;
  return `${octets}; the first difference is at octet ${at === -1 ? sent.length : at}`;
}
