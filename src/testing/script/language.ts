// A conversation as text, one step a line. What the lines mean: see createScriptedServer in server.ts.

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
