import type { Delivery } from "../../index.ts";
import { EX, type ExitStatus } from "../exit-status.ts";
import type { InputProblem } from "../input/index.ts";
import { wasTried } from "./results.ts";

/** How many problems, and addresses of unknown fate, are kept to be printed at the end. */
const KEPT = 20;

/** A recipient that may have got a message, or not. */
export interface UnknownFate {
  readonly id: string;
  readonly address: string;
}

/** What has become of the messages so far. */
export class Tally {
  /** Messages that were read. */
  read = 0;
  /** Of them those that a journal holds back: finished, or of unknown fate. */
  skipped = 0;
  /** Input that is no message. */
  problems = 0;
  /** Messages whose fate is known. */
  settled = 0;
  /** Recipients, by fate. */
  succeeded = 0;
  refused = 0;
  deferred = 0;
  unknown = 0;
  /** Recipients that were not begun when the run ended. */
  untried = 0;
  /** Octets of text that were sent. */
  octets = 0;
  /** The first of those whose fate is unknown. */
  readonly unknownFates: UnknownFate[] = [];

  /** What is wrong with the first of it. */
  readonly problemTexts: string[] = [];

  addProblem({ message }: InputProblem): void {
    this.problems++;
    if (this.problemTexts.length < KEPT) this.problemTexts.push(message);
  }

  add({ id, recipients }: Delivery): void {
    this.settled++;
    for (const result of recipients) {
      if (!wasTried(result)) this.untried++;
      else if (result.status === "succeeded") this.succeeded++;
      else if (result.status === "unknown") {
        this.unknown++;
        if (this.unknownFates.length < KEPT) this.unknownFates.push({ id, address: result.address });
      } else if (result.retryable) this.deferred++;
      else this.refused++;
    }
  }

  get failed(): number {
    return this.refused + this.deferred;
  }

  /**
   * What a run that was not cut short ends with. What can be done by the same command again comes first.
   * @param held how many a journal holds back because their fate is unknown
   */
  statusWith(held: number): ExitStatus {
    if (this.deferred > 0 || this.untried > 0) return EX.TEMPFAIL;
    if (this.unknown > 0 || held > 0) return EX.IOERR;
    return this.refused > 0 || this.problems > 0 ? EX.DATAERR : EX.OK;
  }
}
