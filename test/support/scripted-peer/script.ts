// A conversation as text, one step a line:
//
//   S: 250 ok            the peer sends the line; S lines that follow one another leave in one packet
//   S> 25                the peer sends octets without a line end; <CR>, <LF>, <NUL> and <hex> stand for octets
//   C: DATA              the client must send this very line; a chunk that ends with a line end is lines, too
//   C+ RSET              ... in the same write as what it sent before
//   C> half a li         the client must send these very octets, without a line end; written as behind S>
//   C* Text<CR><LF>      the client must send these octets in chunks of any size, BDAT before each and LAST with the
//                        last; the peer answers 250 to each chunk but that
//   -- close             the peer closes its side (FIN)
//   -- reset             the peer resets the connection
//   -- stop reading      the peer takes no more octets from the network
//   -- text, not ended   what the client sends from here on is text, until it closes without having ended it
//   -- chunks, not ended what the client sends from here on is chunks, answered 250, until it closes without having
//                        sent the whole of a LAST
//   -- drip              the peer sends a reply without an end, one octet at a time, until the client closes
//   -- pause             the client has read what was sent; what follows leaves in a packet of its own
//   -- client closes     the client closes and has sent nothing more
//   -- anything else     an action of the test, by its name
//   # a comment
//
// Before it sends, and at its end, the peer checks that the client sent nothing but what the script says.
// The end of a script is also a "client closes".

export type Step =
  | { readonly kind: "say"; readonly octets: string }
  | { readonly kind: "hear"; readonly line: string; readonly sameWrite: boolean }
  | { readonly kind: "hearOctets"; readonly octets: string }
  | { readonly kind: "hearChunks"; readonly octets: string }
  | { readonly kind: "act"; readonly name: string };

const OCTETS: Readonly<Record<string, string>> = { CR: "\r", LF: "\n", NUL: "\0" };

/** Reads a script. @throws Error for a line that is none. */
export function parseScript(text: string): Step[] {
  const steps: Step[] = [];
  const say = (octets: string): void => {
    const last = steps.at(-1);
    if (last?.kind === "say") steps[steps.length - 1] = { kind: "say", octets: last.octets + octets };
    else steps.push({ kind: "say", octets });
  };
  for (const each of text.split("\n")) {
    const line = each.trimStart();
    const rest = line.slice(3);
    const mark = line.slice(0, 2);
    if (line === "" || line.startsWith("#")) continue;
    if (mark === "S:") say(`${rest}\r\n`);
    else if (mark === "S>") say(octetsOf(rest));
    else if (mark === "C:") steps.push({ kind: "hear", line: rest, sameWrite: false });
    else if (mark === "C+") steps.push({ kind: "hear", line: rest, sameWrite: true });
    else if (mark === "C>") steps.push({ kind: "hearOctets", octets: octetsOf(rest) });
    else if (mark === "C*") steps.push({ kind: "hearChunks", octets: octetsOf(rest) });
    else if (mark === "--") steps.push({ kind: "act", name: rest.trim() });
    else throw new Error(`not a line of a script: ${JSON.stringify(each)}`);
  }
  return steps;
}

/** One character per octet. */
function octetsOf(written: string): string {
  return written.replace(
    /<(CR|LF|NUL|[0-9A-F]{2})>/g,
    (_, name: string) => OCTETS[name] ?? String.fromCharCode(Number.parseInt(name, 16)),
  );
}
