import { now } from "../session/clock.ts";

/** The time as it is recorded: whole milliseconds since the epoch. */
export function time(): number {
  return Math.floor(now());
}
