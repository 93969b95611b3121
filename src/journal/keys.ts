// The store holds, by key:
//
//   r!seq         the entry of a message, as JSON
//   i!id          its seq
//   t!seq         its text, where the journal has it
//   w!due!seq     it waits: recipients are to be sent to
//   b!seq         it is begun, by the process that has the journal open
//   u!seq         nobody waits or is begun, and somebody's fate is unknown
//   d!time!seq    it is finished
//   v!            the version of all this
//
// A seq is 13 digits, a time is 14: as text they sort as numbers.

/** Of all that lies in the store. */
export const VERSION_KEY = "v!";
export const VERSION = "1";

export type Index = "w" | "b" | "u" | "d";

export const recordKey = (seq: number): string => `r!${digits(seq, 13)}`;
export const idKey = (id: string): string => `i!${id}`;
export const textKey = (seq: number): string => `t!${digits(seq, 13)}`;

/** The key of an entry in an index; `time` for those that are sorted by one. */
export function indexKey(index: Index, seq: number, time?: number): string {
  return time === undefined
    ? `${index}!${digits(seq, 13)}`
    : `${index}!${digits(time, 14)}!${digits(seq, 13)}`;
}

/** Everything that begins so: for an iterator. */
export function range(prefix: string): { readonly gt: string; readonly lt: string } {
  return { gt: `${prefix}!`, lt: `${prefix}"` };
}

/** The end of a range of times: all before it. */
export function before(index: Index, time: number): string {
  return `${index}!${digits(time, 14)}`;
}

/** The seq at the end of a key. */
export function seqOf(key: string): number {
  return Number(key.slice(key.lastIndexOf("!") + 1));
}

/** The time in the key of an index that has one. */
export function timeOf(key: string): number {
  return Number(key.slice(2, 16));
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, "0");
}
