import type { Delivery, RecipientResult } from "../../index.ts";
import type { InputProblem, Origin } from "../input/index.ts";

/** Where a message stood, as it is printed. */
interface Source {
  readonly source: string;
  readonly line?: number;
  readonly offset?: number;
  readonly tag?: unknown;
}

/** What a server said. */
interface PrintedReply {
  readonly code: number;
  readonly enhanced?: string;
  readonly text: string;
}

/** What became of one recipient of one message: a line of the results. */
export interface RecipientLine extends Source {
  readonly time: string;
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly status: RecipientResult["status"];
  readonly stage: string;
  /** Whether it may succeed if it is tried again. */
  readonly retryable: boolean;
  readonly reply?: PrintedReply;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Input that is no message: a line of the results. */
export interface ProblemLine extends Source {
  readonly time: string;
  readonly status: "failed";
  readonly stage: "input";
  readonly retryable: false;
  readonly error: { readonly code: string; readonly message: string };
}

/** A message that would be sent: a line of a dry run. */
export interface EnvelopeLine extends Source {
  readonly id: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly size?: number;
}

/** One line for each recipient that was tried. What was not begun when the run ended was not. */
export function recipientLines(delivery: Delivery<Origin>, time: Date): RecipientLine[] {
  const { id, from, tag } = delivery;
  return delivery.recipients.filter(wasTried).map((result) => ({
    time: time.toISOString(),
    id,
    ...sourceOf(tag),
    from,
    to: result.address,
    status: result.status,
    stage: result.stage,
    retryable: result.status === "failed" && result.retryable,
    ...("reply" in result && result.reply !== undefined && { reply: printedReply(result.reply) }),
    ...("error" in result &&
      result.error !== undefined && { error: { code: result.error.code, message: result.error.message } }),
  }));
}

/** What ends a message by itself, while others go on. */
const OF_ITS_OWN: ReadonlySet<string> = new Set(["ESMTP_NOT_ALL_ACCEPTED", "ESMTP_JOURNAL_DUPLICATE"]);

/** Whether anything of it was sent, or would have to be said. */
export function wasTried(result: RecipientResult): boolean {
  if (result.status !== "failed" || result.stage !== "aborted") return true;
  return result.error !== undefined && OF_ITS_OWN.has(result.error.code);
}

export function problemLine({ code, message, origin }: InputProblem, time: Date): ProblemLine {
  return {
    time: time.toISOString(),
    ...sourceOf(origin),
    status: "failed",
    stage: "input",
    retryable: false,
    error: { code, message },
  };
}

export function sourceOf(origin: Origin | undefined): Source {
  if (origin === undefined) return { source: "" };
  const { path, line, offset, tag } = origin;
  return {
    source: path,
    ...(line !== undefined && { line }),
    ...(offset !== undefined && { offset }),
    ...(tag !== undefined && { tag }),
  };
}

function printedReply({ code, enhanced, text }: NonNullable<Delivery["reply"]>): PrintedReply {
  return { code, ...(enhanced !== undefined && { enhanced }), text };
}
