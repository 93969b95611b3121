// The server's side of a conversation, small, for relays that are killed: what it accepts it writes down first.

const OFFER = ["relay.example", "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"];

export interface RelayConversation {
  /** @returns the replies to what these octets complete, and the recipients accepted with them */
  receive(octets: Buffer): { readonly replies: string; readonly accepted: readonly string[] };
  readonly over: boolean;
}

/**
 * Refuses recipients whose local part begins with `no` (550) or `later` (450), and texts for one that begins with `spam`.
 */
export function makeConversation(chunking: boolean): RelayConversation {
  let input: Buffer = Buffer.alloc(0);
  let mode: "commands" | "text" | "chunk" = "commands";
  let left = 0;
  let last = false;
  let sender = false;
  let recipients: string[] = [];
  let over = false;

  const reset = (): void => {
    sender = false;
    recipients = [];
  };

  return {
    get over() {
      return over;
    },
    receive(octets) {
      input = input.length === 0 ? octets : Buffer.concat([input, octets]);
      let replies = "";
      const accepted: string[] = [];
      const stored = (): void => {
        const spam = recipients.some((address) => address.startsWith("spam"));
        replies += spam ? "554 5.7.1 spam\r\n" : "250 2.0.0 stored\r\n";
        if (!spam) accepted.push(...recipients);
        reset();
      };
      const command = (line: string): void => {
        const verb = line.slice(0, 4).toUpperCase();
        const path = /<(.*?)>/.exec(line)?.[1] ?? "";
        if (verb === "EHLO") {
          const lines = chunking ? [...OFFER, "CHUNKING"] : OFFER;
          replies += lines.map((each, i) => `250${i < lines.length - 1 ? "-" : " "}${each}\r\n`).join("");
        } else if (verb === "MAIL") {
          replies += sender ? "503 5.5.1 nested\r\n" : "250 2.1.0 sender ok\r\n";
          sender = true;
        } else if (verb === "RCPT") {
          if (!sender) replies += "503 5.5.1 MAIL first\r\n";
          else if (path.startsWith("no")) replies += "550 5.1.1 no such user\r\n";
          else if (path.startsWith("later")) replies += "450 4.2.0 later\r\n";
          else {
            recipients.push(path);
            replies += "250 2.1.5 recipient ok\r\n";
          }
        } else if (verb === "DATA") {
          if (recipients.length === 0) replies += "554 5.5.1 no valid recipients\r\n";
          else {
            mode = "text";
            replies += "354 go\r\n";
          }
        } else if (verb === "BDAT") {
          const [, size = "0", end] = /^BDAT (\d+)( LAST)?/i.exec(line) ?? [];
          left = Number(size);
          last = end !== undefined;
          mode = "chunk";
        } else if (verb === "RSET") {
          reset();
          replies += "250 2.0.0 flushed\r\n";
        } else if (verb === "NOOP") {
          replies += "250 2.0.0 ok\r\n";
        } else if (verb === "QUIT") {
          over = true;
          replies += "221 2.0.0 bye\r\n";
        } else replies += "500 5.5.2 what?\r\n";
      };
      let at = 0;
      while (!over) {
        if (mode === "chunk") {
          if (input.length - at < left) break;
          at += left;
          mode = "commands";
          if (recipients.length === 0) replies += "503 5.5.1 no valid recipients\r\n";
          else if (last) stored();
          else replies += "250 2.0.0 continue\r\n";
          continue;
        }
        if (mode === "text") {
          // Texts of these tests are never empty, so a line end always stands before the dot.
          const end = input.indexOf("\r\n.\r\n", at);
          if (end === -1) break;
          at = end + 5;
          mode = "commands";
          stored();
          continue;
        }
        const end = input.indexOf("\r\n", at);
        if (end === -1) break;
        const line = input.toString("latin1", at, end);
        at = end + 2;
        command(line);
      }
      input = input.subarray(at);
      return { replies, accepted };
    },
  };
}
