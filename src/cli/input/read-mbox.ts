import { FromUnquoting } from "./from-quoting.ts";
import type { FromQuoting, Origin } from "./input.ts";
import { type MboxPart, mboxParts } from "./mbox.ts";
import { type Found, problem, toMessage } from "./message.ts";
import type { Settings } from "./options.ts";
import type { Store } from "./store.ts";

/** A message of an mbox file, and how far the file was read. */
export interface MboxMessage {
  readonly found: Found;
  readonly end: number;
}

/** Reads the messages of an mbox file, once, from its beginning to its end. */
export async function* readMbox(store: Store, path: string, settings: Settings): AsyncGenerator<MboxMessage> {
  const { quoting, beginning: most } = settings;
  let from: Extract<MboxPart, { kind: "from" }> | undefined;
  let beginning = new Beginning(quoting, most);
  for await (const part of mboxParts(store.read(0, store.size))) {
    if (part.kind === "from") {
      from = part;
    } else if (part.kind === "text") {
      beginning.push(part.octets);
    } else {
      const { first, size } = beginning.end();
      const origin: Origin = { path, offset: from?.offset ?? 0 };
      const start = from?.textOffset ?? 0;
      const again = (): AsyncIterable<Buffer> => unquoted(store.read(start, part.offset), quoting);
      const found =
        from === undefined
          ? problem(origin, "not-a-message", "it does not begin with a `From ` line: is it an mbox file?")
          : toMessage({ first, size, again }, { origin, fromLine: from.line }, settings);
      yield { found, end: part.offset };
      beginning = new Beginning(quoting, most);
    }
  }
}

/** The first octets of a text, and how many there are. */
class Beginning {
  readonly #unquoting: FromUnquoting;
  readonly #most: number;
  readonly #parts: Buffer[] = [];
  #kept = 0;
  #size = 0;

  constructor(quoting: FromQuoting, most: number) {
    this.#unquoting = new FromUnquoting(quoting);
    this.#most = most;
  }

  push(octets: Buffer): void {
    this.#keep(this.#unquoting.push(octets));
  }

  end(): { first: Buffer; size: number } {
    this.#keep(this.#unquoting.end());
    return { first: Buffer.concat(this.#parts), size: this.#size };
  }

  #keep(octets: Buffer): void {
    this.#size += octets.length;
    const part = octets.subarray(0, this.#most - this.#kept);
    this.#kept += part.length;
    if (part.length > 0) this.#parts.push(part);
  }
}

async function* unquoted(blocks: AsyncIterable<Buffer>, quoting: FromQuoting): AsyncGenerator<Buffer> {
  const unquoting = new FromUnquoting(quoting);
  for await (const block of blocks) yield unquoting.push(block);
  yield unquoting.end();
}
