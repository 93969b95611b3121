import type { CommandGroup, Exchange } from "../pipeline/group.ts";

/** The commands of a group, the greeting among them: in LMTP several exchanges are the replies to one end of a text. */
export function commandsOf({ exchanges }: CommandGroup): readonly Exchange[] {
  return exchanges.filter(({ command, messageSeq }, i) => {
    const before = exchanges[i - 1];
    const another = before?.command === command && before.messageSeq === messageSeq;
    // Only the end of a text names a recipient, of commands that are none themselves.
    return !(another && command !== "RCPT" && before.recipient !== undefined);
  });
}
