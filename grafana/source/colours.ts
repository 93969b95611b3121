/** One colour for one meaning, on all panels: good, later, never, not known, nobody's fault. */
export const OUTCOMES: Readonly<Record<string, string>> = {
  delivered: "green",
  succeeded: "green",
  partial: "yellow",
  deferred: "orange",
  rejected: "red",
  unknown: "purple",
  aborted: "text",
};

export const GROUP_RESULTS: Readonly<Record<string, string>> = {
  ok: "green",
  refused: "orange",
  lost: "red",
};
