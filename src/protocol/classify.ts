import { type Reply, replyClass } from "./reply.ts";
import { BY_ENHANCED, BY_TEXT } from "./reply-classes.ts";

/**
 * What a refusal means, as far as it can be known from outside:
 *
 * | class | meaning | what to do |
 * |---|---|---|
 * | `mailbox-full` | the recipient has no room | try again for some days; then as a bad address |
 * | `bad-address` | there is no such recipient, or no more | strike it off the list |
 * | `policy` | refused for its content, its sender, a block list, SPF, DKIM, DMARC | read the text: a person has to act |
 * | `rate-limit` | too much, too fast | slow down |
 * | `greylisted` | unknown to the server yet | try again as it says, mostly after some minutes |
 * | `temporary` | any other 4yz | try again later |
 * | `permanent` | any other 5yz | don't |
 */
export type ReplyClass =
  | "mailbox-full"
  | "bad-address"
  | "policy"
  | "rate-limit"
  | "greylisted"
  | "temporary"
  | "permanent";

/** How much of a text is looked at: more says nothing more. */
const TEXT_LENGTH = 1_000;

/** Addresses and URLs hold words that mean nothing here. */
const NAMES = /<[^<>\s]*>|\S+@\S+|\bhttps?:\S+/gi;

const TIME = /\b(\d{1,2}):(\d\d):(\d\d)\b/;
const SPAN =
  /\b(?:in|after|for|wait|within|retry|again)\D{0,20}?(\d{1,6}) ?(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b/i;
const DAY = 86_400_000;

/**
 * What a refusal means: from its enhanced status code where that says it surely, else from its text, else from its code.
 * Texts are the servers' own and change: a class helps to pace and to sort, and decides no fate.
 * @returns undefined for a reply that refuses nothing (2yz, 3yz)
 */
export function classifyReply(reply: Reply): ReplyClass | undefined {
  const first = replyClass(reply);
  if (first !== 4 && first !== 5) return undefined;
  const { enhanced = "" } = reply;
  const known = Object.hasOwn(BY_ENHANCED, enhanced) ? BY_ENHANCED[enhanced] : undefined;
  const text = words(reply);
  const digit = String(first);
  const said = BY_TEXT.find(({ codes, pattern }) => codes.includes(digit) && pattern.test(text))?.class;
  // 4.2.2 in the words of a rate limit is one: Gmail says so of a mailbox that gets too much at once.
  if (known !== undefined && !(known === "mailbox-full" && said === "rate-limit")) return known;
  // X.7: security or policy. What it says of rates and greylisting is more than that.
  if (/^[45]\.7\./.test(enhanced) && said !== "rate-limit" && said !== "greylisted") return "policy";
  return said ?? (first === 4 ? "temporary" : "permanent");
}

/** How long the server asks to wait, where its text says so: milliseconds, at most a day. */
export function retryAfter(reply: Reply): number | undefined {
  const text = words(reply);
  const time = TIME.exec(text);
  const span = SPAN.exec(text);
  let milliseconds: number | undefined;
  if (time !== null) {
    milliseconds = ((Number(time[1]) * 60 + Number(time[2])) * 60 + Number(time[3])) * 1_000;
  } else if (span !== null) {
    const unit = (span[2] ?? "s").charAt(0).toLowerCase();
    milliseconds = Number(span[1]) * (unit === "h" ? 3_600_000 : unit === "m" ? 60_000 : 1_000);
  }
  return milliseconds === undefined ? undefined : Math.min(milliseconds, DAY);
}

function words({ text }: Reply): string {
  return text.slice(0, TEXT_LENGTH).replace(NAMES, "").replace(/\s+/g, " ");
}
