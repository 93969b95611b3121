import type { Delivery } from "../../session/message.ts";
import type { RecordedRecipient } from "./facts.ts";
import type { Redaction } from "./redaction.ts";

/** Characters that are kept of a line or reply: a reply may be 256 lines of 4,096. */
const CHARACTERS = 2_000;

/** The beginning of a text. */
export function cut(text: string): string {
  return text.length <= CHARACTERS ? text : `${text.slice(0, CHARACTERS)}… (${text.length} characters)`;
}

/** What became of each recipient, as it is kept. */
export function recordedFates(delivery: Delivery<unknown>, redaction: Redaction): RecordedRecipient[] {
  return delivery.recipients.map((result) => {
    const { address, status, stage } = result;
    const reply = "reply" in result ? result.reply : undefined;
    const error = "error" in result ? result.error : undefined;
    const why = reply === undefined ? `${error?.code}: ${error?.message}` : `${reply.code} ${reply.text}`;
    return {
      address: cut(redaction.address(address)),
      status,
      stage,
      retryable: status === "failed" && result.retryable,
      why: cut(redaction.text(why, [address, delivery.from])),
    };
  });
}
