import { dirname, resolve } from "node:path";
import type { Origin } from "./input.ts";
import { lines, readLine } from "./json-lines.ts";
import { LINE_OCTETS } from "./limits.ts";
import { type Found, problem, toMessage } from "./message.ts";
import { failureText, openPath } from "./open.ts";
import type { Settings } from "./options.ts";
import { readEml } from "./read-eml.ts";
import { fileStore } from "./store.ts";

/** A line that was read, and how far the file was. */
export interface LineMessage {
  readonly found: Found;
  readonly end: number;
}

/** Reads a file of JSON Lines. What its lines call `file` starts from its directory, or from the working one. */
export async function* readJsonLines(
  blocks: AsyncIterable<Buffer>,
  path: string,
  settings: Settings,
): AsyncGenerator<LineMessage> {
  const directory = path === "-" ? settings.directory : dirname(path);
  for await (const { number, end, octets } of lines(blocks)) {
    if (octets?.every((octet) => WHITE.includes(octet))) continue;
    const found =
      octets === undefined
        ? problem({ path, line: number }, "too-long", `it has more than ${LINE_OCTETS} octets: give a file`)
        : await readEnvelopeLine(octets, { path, line: number }, directory, settings);
    yield { found, end };
  }
}

/** Space, tab, LF, CR: RFC 8259 §2. */
const WHITE: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];

async function readEnvelopeLine(
  octets: Buffer,
  place: Origin,
  directory: string,
  settings: Settings,
): Promise<Found> {
  const envelope = readLine(octets);
  if ("wrong" in envelope) return problem(place, "bad-line", envelope.wrong);
  const { data, file, tag, ...fields } = envelope;
  const origin: Origin = "tag" in envelope ? { ...place, tag } : place;
  if (file === undefined) {
    const first = Buffer.from(data ?? "", "utf8");
    return toMessage(
      { first, size: first.length },
      { origin, line: { octets, fields, withText: true } },
      settings,
    );
  }
  const opened = await openPath(resolve(directory, file), settings.beginning);
  if (opened.kind === "failed") {
    const reason = `its file ${JSON.stringify(file)}: ${failureText(opened.cause)}`;
    return problem(origin, "unreadable", reason, opened.cause);
  }
  if (opened.kind !== "file")
    return problem(origin, "unreadable", `its file ${JSON.stringify(file)} is no file`);
  const { first, size } = opened;
  const given = { origin, line: { octets, fields, withText: false } };
  return readEml(first, fileStore(opened.path, size), given, settings);
}
