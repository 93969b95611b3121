/** How fast a relay may be given mail at most. */
export interface Rate {
  /** Messages a second. */
  readonly messages?: number | undefined;
  /** Recipients a second. */
  readonly recipients?: number | undefined;
  /** Seconds' worth that may go at once after a pause. Default 1. */
  readonly burst?: number | undefined;
}
