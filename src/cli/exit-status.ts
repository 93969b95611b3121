/** Exit statuses, as sysexits.h has them. */
export const EX = {
  OK: 0,
  USAGE: 64,
  DATAERR: 65,
  NOINPUT: 66,
  UNAVAILABLE: 69,
  SOFTWARE: 70,
  IOERR: 74,
  TEMPFAIL: 75,
  NOPERM: 77,
  CONFIG: 78,
  /** What a shell says of a program that Ctrl-C ended: 128 and the number of SIGINT. */
  INTERRUPTED: 130,
} as const;

/** One of them. */
export type ExitStatus = (typeof EX)[keyof typeof EX];

/** What a command's exit statuses mean, in the order they are shown. */
export type StatusMeanings = readonly (readonly [status: ExitStatus, meaning: string])[];

/** What every command may end with. */
export const COMMON_STATUSES: StatusMeanings = [
  [EX.USAGE, "wrong usage: the message names the option and what to write"],
  [EX.SOFTWARE, "a fault in this program"],
];
