import { count, number } from "./screen.ts";
import type { Tally } from "./tally.ts";

/** 1 if somebody did not get a message, or did not get it as it was sent. */
export function exitStatus({ failed, unknown, mismatches, broken }: Tally): 0 | 1 {
  return failed + unknown + mismatches.length > 0 || broken !== undefined ? 1 : 0;
}

export function summary(tally: Tally, embedded: boolean): string[] {
  const { complete, messages, succeeded, failed, deferred, refused, unknown } = tally;
  const { groups, exchanges, resets, texts, asSent, mismatches, wallMs } = tally;
  const line = (what: string, value: string): string => `  ${what.padEnd(14)}${value}`;
  const shown = [
    "Summary",
    line(
      "Messages",
      `${number(messages)}: ${complete.all} to all of their recipients, ${complete.some} to some, ${complete.none} to none`,
    ),
    line(
      "Recipients",
      `${number(succeeded + failed + unknown)}: ${number(succeeded)} succeeded, ${number(failed)} failed ` +
        `(${deferred} for now, ${refused} for good), ${number(unknown)} unknown`,
    ),
  ];
  if (embedded) {
    shown.push(line("Texts", `${number(asSent)} of ${count(texts, "text")} arrived as sent`));
  }
  shown.push(
    line(
      "Round trips",
      `${number(groups)} (groups waited for); one command at a time: ${number(exchanges)}` +
        (resets > 0 ? ` (${number(exchanges - resets)} without RSETs, which only pipelining needs)` : ""),
    ),
    line("Wall time", `${(wallMs / 1000).toFixed(2)} s`),
  );
  return [...shown, ...mismatches.map((mismatch) => `  Not as sent: ${mismatch}`)];
}

/** The last line: what the exit status will be, and why. */
export function closingLine(tally: Tally, embedded: boolean): string {
  const { failed, unknown, refusedByServer, mismatches, broken } = tally;
  if (broken !== undefined) return `Exit status 1: not every message was sent. ${broken}`;
  if (mismatches.length > 0) {
    return `Exit status 1: ${count(mismatches.length, "text")} did not arrive as sent. That is a bug: please report it.`;
  }
  if (exitStatus(tally) === 0) return "Exit status 0: every recipient succeeded.";
  if (!embedded || unknown > 0 || refusedByServer < failed) {
    return `Exit status 1: ${count(failed, "recipient")} failed, ${number(unknown)} unknown.`;
  }
  return (
    `Exit status 1, because ${count(failed, "recipient")} ${failed === 1 ? "was" : "were"} refused, as meant: ` +
    "the embedded server knows no nobody-…@ and defers busy@. All is well."
  );
}
