import type { ServerReport } from "./report.ts";

const COLUMNS = 72;
const LABEL = 14;

/** A report for people. What the server said is shown without its control characters. */
export function print(report: ServerReport): string {
  const { host, port, failure, greeting, tlsVersion, verified, mechanism, offers, roundTripMs } = report;
  const lines: string[] = [`${host}${port === 0 ? "" : `:${port}`}`, ""];
  if (failure !== undefined) {
    lines.push(...entry("no session", failure), "", ...hints(failure), "");
    return `${lines.join("\n")}`;
  }
  lines.push(...entry("greeting", greeting ?? ""));
  const tls =
    tlsVersion === undefined ? "none" : `${tlsVersion}, certificate ${verified ? "" : "not "}verified`;
  lines.push(...entry("TLS", tls));
  if (mechanism !== undefined) lines.push(...entry("AUTH", mechanism));
  if (roundTripMs !== undefined) lines.push(...entry("round trip", `${roundTripMs.toFixed(1)} ms`));
  lines.push("", "It offers", "");
  const offered = Object.entries(offers);
  if (offered.length === 0) lines.push(...entry("nothing", "it knows no EHLO"));
  for (const [keyword, parameters] of offered) lines.push(...entry(keyword, explained(keyword, parameters)));
  lines.push("", "It was tried", "");
  for (const { name, ok, found } of report.trials) lines.push(...item(ok ? "ok" : "NO", `${name}: ${found}`));
  lines.push("", "Safe to use", "");
  for (const { option, why } of report.advice) lines.push(...item("*", `${option}: ${why}`));
  return `${lines.join("\n")}\n`;
}

const MEANINGS: Readonly<Record<string, string>> = {
  PIPELINING: "commands in groups",
  CHUNKING: "texts with BDAT",
  PIPECONNECT: "an envelope with the connection",
  "8BITMIME": "8-bit texts",
  SMTPUTF8: "addresses beyond ASCII",
  STARTTLS: "TLS",
  DSN: "delivery status notifications",
  BINARYMIME: "binary texts",
};

function explained(keyword: string, parameters: string): string {
  if (keyword === "SIZE" && Number(parameters) > 0) return `${parameters} octets at most`;
  return parameters === "" ? (MEANINGS[keyword] ?? "") : parameters;
}

function hints(failure: string): string[] {
  if (/certificate|TLS/i.test(failure))
    return wrap("Try --tls opportunistic to see what it offers all the same.", "");
  if (/ECONNREFUSED|No connection/.test(failure)) {
    return wrap("Is the port right? 25 is for mail between servers, 587 and 465 for submission.", "");
  }
  return [];
}

function entry(label: string, text: string): string[] {
  return wrap(text, `  ${label.padEnd(LABEL)} `, " ".repeat(LABEL + 3));
}

function item(mark: string, text: string): string[] {
  return wrap(text, `  ${mark.padEnd(3)}`, " ".repeat(5));
}

/** Breaks a text between words, where they fit. */
function wrap(text: string, first: string, others: string = first): string[] {
  const words = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, " ").split(/ +/);
  const lines: string[] = [];
  let line = first;
  for (const word of words) {
    const bare = line === first || line === others;
    if (!bare && line.length + word.length + 1 > COLUMNS) {
      lines.push(line.trimEnd());
      line = others;
    }
    line += line === first || line === others ? word : ` ${word}`;
  }
  lines.push(line.trimEnd());
  return lines;
}
