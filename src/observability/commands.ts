import type { CommandGroup, Exchange } from "../pipeline/group.ts";

/** The commands of a group, the greeting among them: in LMTP several exchanges are the replies to one end of a text. */
export function commandsOf({ exchanges }: CommandGroup): readonly Exchange[] {
  return exchanges.filter(({ command, messageSeq }, i) => {
    const before = exchanges[i - 1];
    return !(command === "text" && before?.command === "text" && before.messageSeq === messageSeq);
  });
}
