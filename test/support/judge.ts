import type { RecipientResult } from "../../src/pipeline/fate.ts";
import type { Accepted } from "./model-server.ts";
import { canonical } from "./scripts.ts";

/** A message with what the client said became of it. */
export interface Judged {
  readonly id: string;
  readonly from: string;
  /** One per entry of `to`. */
  readonly addresses: readonly string[];
  readonly requireAll: boolean;
  /** The text as it was given, one character per octet; undefined: it could not be had whole. */
  readonly text: string | undefined;
  readonly results: readonly RecipientResult[];
}

export interface Truth {
  readonly accepted: readonly Accepted[];
  /** How often each recipient was in an envelope whose text left the client to its end. */
  readonly ended: ReadonlyMap<string, number>;
  /** How often of those it then showed that the text did not go to the recipient. Default: never. */
  readonly excused?: ReadonlyMap<string, number> | undefined;
  /** Recipients of envelopes whose text was refused before its end was written. */
  readonly refusedEarly: ReadonlySet<string>;
  /** Every recipient of a text had an answer of its own. Default false. */
  readonly lmtp?: boolean | undefined;
  /** The server said one true thing to each command. */
  readonly honest: boolean;
}

/** Compares what the client says with what the server knows. Returns what is wrong. */
export function judge(messages: readonly Judged[], truth: Truth): string[] {
  const problems = messages.flatMap((message) => judgeResults(message, truth));
  if (truth.honest) {
    problems.push(...judgeAccepted(messages, truth));
    for (const message of messages) problems.push(...judgeFates(message, truth));
  }
  return problems;
}

/** What holds whatever the server does. */
function judgeResults(
  { id, addresses, results, requireAll }: Judged,
  { ended, excused, refusedEarly, honest, lmtp }: Truth,
): string[] {
  const problems: string[] = [];
  if (results.length !== addresses.length || results.some(({ address }, i) => address !== addresses[i])) {
    problems.push(`${id}: results do not match its recipients: ${JSON.stringify(results)}`);
  }
  const some = results.some(({ status }) => status !== "failed");
  const ownReply = (stage: string): boolean => lmtp === true && stage === "message";
  if (requireAll && some && results.some(({ status, stage }) => status === "failed" && !ownReply(stage))) {
    problems.push(`${id}: requires all recipients, and its text went to some`);
  }
  for (const result of results) {
    const { address, status, stage } = result;
    const what = `${id}: ${address} ${status}, ${stage}`;
    const code = "reply" in result ? result.reply?.code : undefined;
    const kind = code === undefined ? undefined : Math.trunc(code / 100);
    if (status === "succeeded" && kind !== 2) problems.push(`${what} by ${code}`);
    if (status === "succeeded" && !ended.has(address)) problems.push(`${what}, its text was not written`);
    // A 2yz to the beginning of a text is a lie, and may be taken for its acceptance.
    if (status === "unknown" && honest && !ended.has(address)) {
      problems.push(`${what}, its text was not written to its end`);
    }
    const once = count(addresses, address) === 1; // else another entry may have been left for later
    if (stage === "connection" && once && refusedEarly.has(address))
      problems.push(`${what}, its text was refused`);
    if (status !== "failed") continue;
    const lost = isLost(result);
    const spared = count(addresses, address) - (ended.get(address) ?? 0) + (excused?.get(address) ?? 0);
    const given = results.filter((each) => each.address === address && isLost(each)).length;
    if (lost && given > spared) problems.push(`${what}, after the end of its text was written`);
    if (lost && !result.retryable) problems.push(`${what} and not retryable`);
    if (stage === "invalid" || stage === "unsupported") {
      if (result.retryable || result.error === undefined) problems.push(`${what}: ${JSON.stringify(result)}`);
    } else if (kind !== undefined && !lost) {
      if (kind !== 4 && kind !== 5) problems.push(`${what} by ${code}`);
      const retryable = kind === 4 || (stage === "mail" && code === 503);
      if (result.retryable !== retryable) problems.push(`${what} by ${code}: retryable ${result.retryable}`);
    }
  }
  return problems;
}

/** Every text that was accepted is one message's, whole, under its sender, for each of its recipients once. */
function judgeAccepted(messages: readonly Judged[], { accepted }: Truth): string[] {
  const problems: string[] = [];
  const taken: string[] = [];
  for (const { sender, recipients, text } of accepted) {
    if (recipients.length === 0) continue;
    const message = messages.find(({ addresses }) => recipients.every((each) => addresses.includes(each)));
    if (message === undefined) {
      problems.push(`a text was accepted for ${recipients.join(" ")}, which is no message's`);
      continue;
    }
    const { id, from } = message;
    for (const address of recipients) {
      // Further transactions are for those whom the ones before did not take.
      if (taken.includes(address) && count(message.addresses, address) === 1) {
        problems.push(`${id}: accepted twice for ${address}`);
      }
      taken.push(address);
    }
    if (sender !== from) problems.push(`${id}: accepted under the sender <${sender}> instead of <${from}>`);
    if (message.text === undefined) problems.push(`${id}: accepted though its source failed`);
    else if (text !== canonical(message.text)) {
      problems.push(
        `${id}: accepted as ${JSON.stringify(text)} instead of ${JSON.stringify(canonical(message.text))}`,
      );
    }
  }
  return problems;
}

/** Who the server took the text for is succeeded or unknown, and nobody else is succeeded. */
function judgeFates({ id, addresses, results }: Judged, { accepted }: Truth): string[] {
  const problems: string[] = [];
  for (const address of new Set(addresses)) {
    const taken = accepted.reduce((sum, each) => sum + count(each.recipients, address), 0);
    const own = results.filter((result) => result.address === address);
    const succeeded = own.filter(({ status }) => status === "succeeded").length;
    const failed = own.filter(({ status }) => status === "failed").length;
    if (succeeded > taken) problems.push(`${id}: ${address} succeeded, but the server did not accept it`);
    if (failed > own.length - taken) problems.push(`${id}: ${address} failed, but the server accepted it`);
  }
  return problems;
}

function isLost({ status, stage }: RecipientResult): boolean {
  return status === "failed" && (stage === "connection" || stage === "aborted");
}

function count(addresses: readonly string[], address: string): number {
  return addresses.filter((each) => each === address).length;
}
