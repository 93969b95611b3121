import { SmtpSession } from "smtp-pipelining";
import { exampleEnvelope } from "./envelopes.ts";
import { EXAMPLE_MAIL, findMails, type Mail } from "./mail.ts";

export const USAGE = `Delivers mail through one pipelining SMTP session.

  npm start                        the messages of examples/mail, to a server of its own that is 50 ms away
  npm start -- FILE.eml DIR ...    these messages instead; directories are searched for *.eml
  SMTP_URL=smtp://host:port FROM=sender@example.org TO=a@example.net,b@example.net npm start -- FILE.eml DIR ...
                                   to a real server; FROM="<>" is the null reverse-path
  SMTP_URL=smtps://user:password@host FROM=... TO=... npm start -- FILE.eml DIR ...
                                   to a server for submission, under TLS (percent-encode what a URL can't hold)

Exit status: 0 every recipient succeeded, 1 some failed or are unknown, 2 wrong arguments (nothing was sent).
`;

/** Wrong arguments. The message says what to do. */
export class UsageError extends Error {}

/** What is to be done. */
export interface Plan {
  /** The server; undefined: the embedded one. */
  readonly url: string | undefined;
  readonly mails: readonly Mail[];
}

/** @throws UsageError before anything was sent */
export function makePlan(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Plan {
  const option = args.find((arg) => arg.startsWith("-"));
  if (option !== undefined) {
    throw new UsageError(
      `${option} is no option. Give .eml files and directories (./${option} if it is one).`,
    );
  }
  const url = env["SMTP_URL"] || undefined;
  if (url !== undefined) checkUrl(url);
  const from = env["FROM"]?.trim() || undefined;
  const to = addresses(env["TO"] ?? "");
  const envelope =
    from === undefined || to.length === 0 ? undefined : { from: from === "<>" ? "" : from, to };
  if (url !== undefined && envelope === undefined) {
    const missing = [from === undefined ? "FROM" : "", to.length === 0 ? "TO" : ""]
      .filter(Boolean)
      .join(" and ");
    throw new UsageError(
      `${missing} missing: SMTP_URL names a real server, so say who sends and who receives, like\n` +
        `  SMTP_URL=${shownUrl(url)} FROM=sender@example.org TO=a@example.net,b@example.net npm start -- FILE.eml`,
    );
  }
  const files = args.length > 0 ? args : [EXAMPLE_MAIL];
  const found = files.flatMap((file) => {
    try {
      return findMails(file);
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    }
  });
  return { url, mails: found.map((mail) => ({ ...mail, ...(envelope ?? exampleEnvelope(mail.name)) })) };
}

function addresses(list: string): string[] {
  return list
    .split(",")
    .map((address) => address.trim())
    .filter((address) => address !== "");
}

/** A URL without the password that may stand in it. */
export function shownUrl(url: string): string {
  return url.replace(/^(.*?\/\/)?.*@/s, "$1***@");
}

function checkUrl(url: string): void {
  try {
    new SmtpSession(url); // opens nothing yet
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(
      `SMTP_URL=${shownUrl(url)} can't be used: ${error.message}\nGive it like smtp://mail.example.org:25`,
    );
  }
}
