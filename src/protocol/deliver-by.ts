import type { Capabilities } from "./capabilities.ts";
import { PARAMETER_INTEGER } from "./limits.ts";

/** By when a message is to be delivered, RFC 2852. */
export interface DeliverBy {
  /** Seconds from now. With mode N 0 or less too: the time is over already, and the sender is to be told. */
  readonly seconds: number;
  /** What becomes of the message then. `"R"`: it is returned, undelivered. `"N"`: the sender is told, it is tried on. */
  readonly mode: "R" | "N";
  /** Whether the sender is told of each server on the way that does not know DELIVERBY. Default false. */
  readonly trace?: boolean | undefined;
}

/** Why a time can't be asked for; undefined if it can. RFC 2852 §4: nine digits; none that is over with mode R. */
export function deliverByProblem({ seconds, mode }: DeliverBy): string | undefined {
  if (!Number.isInteger(seconds) || Math.abs(seconds) > PARAMETER_INTEGER) {
    return "it is not an integer of at most nine digits";
  }
  return mode === "R" && seconds <= 0 ? "with mode R it must be at least 1" : undefined;
}

/** The value of BY. */
export function deliverByValue({ seconds, mode, trace }: DeliverBy): string {
  return `${seconds};${mode}${trace === true ? "T" : ""}`;
}

/** The least seconds that a server takes with mode R, RFC 2852 §2; 0 where it states none. */
export function minimumDeliverBy(capabilities: Capabilities): number {
  return Number(/^\d{1,9}(?=,|$)/.exec(capabilities.get("DELIVERBY") ?? "")?.[0] ?? 0);
}
