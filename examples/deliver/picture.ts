import type { CommandGroup, Delivery, Exchange, RecipientResult, Reply, SmtpError } from "smtp-pipelining";
import { elide } from "./elide.ts";
import { count, number, type Screen, shorten } from "./screen.ts";

/** What the pictures need to know of a message. */
export interface Known {
  readonly name: string;
  /** Octets of text written, once they were. */
  readonly octets: number;
}

/** A command group: what went out together, and what came back. */
export function pictureOfGroup(
  group: CommandGroup,
  known: (messageId: string) => Known | undefined,
  screen: Screen,
): string[] {
  const { id, exchanges, bytesSent, durationMs } = group;
  const answered = exchanges.filter(({ reply }) => reply !== undefined).length;
  const heading = `Group ${id}`.padEnd(12);
  const facts = [
    `${count(exchanges.length, "command")} out, ${answered} answered`.padEnd(34),
    count(bytesSent, "octet").padEnd(20),
    `${number(durationMs)} ms`,
  ];
  const left = Math.floor(screen.width * 0.55);
  const row = (out: string, back: string, bad: boolean): string => {
    const reply = shorten(back, screen.width - left - 4);
    return `  ${shorten(out, left).padEnd(left)}  ${bad ? screen.paint("red", reply) : reply}`;
  };
  const rows = elide(exchanges, ({ command, reply }) =>
    command === "RCPT" ? `${reply?.code}` : undefined,
  ).map((shown) => {
    if ("item" in shown) return row(outOf(shown.item, known), said(shown.item.reply), refused(shown.item));
    const [first] = shown.leftOut;
    const code = first?.reply?.code ?? "no reply";
    const times = shown.leftOut.length;
    return row(`… ${times} more RCPT`, `${times} × ${code}`, first !== undefined && refused(first));
  });
  return ["", screen.paint("bold", `${heading}${facts.join("")}`), ...rows];
}

function outOf(
  { command, line, messageId }: Exchange,
  known: (messageId: string) => Known | undefined,
): string {
  if (command === "greeting") return "(connected)";
  if (command !== "text" || messageId === undefined) return line;
  const message = known(messageId);
  return message === undefined ? line : `text of ${message.name}, ${count(message.octets, "octet")}, "."`;
}

function refused({ reply }: Exchange): boolean {
  return reply === undefined || reply.code >= 400;
}

/** A reply on one line. */
function said(reply: Reply | undefined): string {
  if (reply === undefined) return "no reply";
  const more = reply.lines.length > 1 ? ` (${reply.lines.length} lines)` : "";
  return `${reply.code} ${reply.lines[0] ?? ""}${more}`;
}

const FATES = { succeeded: "green", failed: "red", unknown: "yellow" } as const;

/** What became of a message, recipient by recipient. */
export function pictureOfFates(name: string, { recipients }: Delivery, screen: Screen): string[] {
  const longest = Math.max(...recipients.map(({ address }) => address.length));
  const width = Math.min(longest, Math.floor(screen.width * 0.35));
  const row = (status: RecipientResult["status"], who: string, why: string): string => {
    const fate = screen.paint(FATES[status], status.padEnd(9));
    return `    ${fate}  ${shorten(who, width).padEnd(width)}  ${shorten(why, screen.width - width - 17)}`.trimEnd();
  };
  const rows = elide(recipients, (result) => `${result.status} ${reasonOf(result)}`).map((shown) => {
    if ("item" in shown) return row(shown.item.status, shown.item.address, reasonOf(shown.item));
    const status = shown.leftOut[0]?.status ?? "unknown";
    return row(status, `… ${shown.leftOut.length} more`, "");
  });
  return ["", `  ${screen.paint("bold", name)}`, ...rows];
}

/** Why it ended so: the reply that decided, or the error. */
function reasonOf(result: RecipientResult): string {
  if (result.status === "succeeded") return said(result.reply);
  if (result.status === "unknown") return explained(result.error);
  const why = result.reply === undefined ? explained(result.error) : said(result.reply);
  return result.retryable ? `${why} (worth another try)` : why;
}

function explained(error: SmtpError | undefined): string {
  return error === undefined ? "" : `${error.code} ${error.message}`;
}
