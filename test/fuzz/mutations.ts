import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";

const CORPUS = new URL("./corpus/", import.meta.url);

/** What servers said, by the names of the files. */
export const corpus: ReadonlyMap<string, Buffer> = new Map(
  readdirSync(CORPUS)
    .filter((file) => file.endsWith(".replies"))
    .sort()
    .map((file) => [file.replace(/\.replies$/, ""), readFileSync(new URL(file, CORPUS))]),
);

type Mutation = (octets: Buffer) => Buffer;

/** A place in octets of any length. */
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function at(octets: Buffer, where: number): number {
  return Math.floor(where * octets.length);
}

function splice(octets: Buffer, from: number, removed: number, inserted: Uint8Array): Buffer {
  return Buffer.concat([octets.subarray(0, from), inserted, octets.subarray(from + removed)]);
}

/** The lines of the octets, each with its end. */
function lines(octets: Buffer): string[] {
  return octets.toString("latin1").split(/(?<=\n)/);
}

function joined(parts: readonly string[]): Buffer {
  return Buffer.from(parts.join(""), "latin1");
}

const TELLING = [
  "250 ok\r\n",
  "354 go on\r\n",
  "421 closing\r\n",
  "503 no\r\n",
  "250-",
  "250-PIPELINING\r\n250 CHUNKING\r\n",
  "999 x\r\n",
  "25",
  "\r",
  "\n",
  "\0",
  "-",
  " ",
  "\xff\xfe",
] as const;

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.nat(255)).map(
    ([where, octet]): Mutation =>
      (octets) =>
        splice(octets, at(octets, where), 1, Uint8Array.of(octet)),
  ),
  fc.tuple(place, fc.uint8Array({ maxLength: 24 })).map(
    ([where, some]): Mutation =>
      (octets) =>
        splice(octets, at(octets, where), 0, some),
  ),
  fc.tuple(place, fc.constantFrom(...TELLING)).map(
    ([where, said]): Mutation =>
      (octets) =>
        splice(octets, at(octets, where), 0, Buffer.from(said, "latin1")),
  ),
  fc.tuple(place, fc.nat(40)).map(
    ([where, count]): Mutation =>
      (octets) =>
        splice(octets, at(octets, where), count, new Uint8Array(0)),
  ),
  // A whole line is said twice, not at all, in another's place, or with another code.
  fc.tuple(place, place, fc.constantFrom("twice", "never", "elsewhere")).map(
    ([from, to, how]): Mutation =>
      (octets) => {
        const parts = lines(octets);
        const [taken = ""] = parts.splice(Math.floor(from * parts.length), how === "twice" ? 0 : 1);
        const said = how === "twice" ? (parts[Math.floor(from * parts.length)] ?? "") : taken;
        if (how !== "never") parts.splice(Math.floor(to * (parts.length + 1)), 0, said);
        return joined(parts);
      },
  ),
  fc.tuple(place, fc.integer({ min: 100, max: 599 })).map(
    ([where, code]): Mutation =>
      (octets) => {
        const parts = lines(octets);
        const index = Math.floor(where * parts.length);
        parts[index] = `${code}${(parts[index] ?? "").slice(3)}`;
        return joined(parts);
      },
  ),
);

/** What a server might say: what one did say, changed in a few places; or anything at all. */
export const replies: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(fc.constantFrom(...corpus.values()), fc.array(mutation, { minLength: 1, maxLength: 6 }))
      .map(([octets, mutations]) => mutations.reduce((changed, mutate) => mutate(changed), octets)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2_000 }).map((octets) => Buffer.from(octets)) },
);
