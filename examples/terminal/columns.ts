const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

/** What takes no column of its own: marks, joiners, variation selectors. */
const NARROWEST = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

/** Emoji, and what East Asian Width calls wide or fullwidth (UAX #11), in blocks. */
const WIDE =
  /\p{Emoji_Presentation}|\u{fe0f}|[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{a960}-\u{a97c}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff01}-\u{ff60}\u{ffe0}-\u{ffe6}\u{20000}-\u{3fffd}]/u;

/** Columns of a terminal that one grapheme takes. */
function columnsOfGrapheme(grapheme: string): 0 | 1 | 2 {
  if (NARROWEST.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** Columns of a terminal that a text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const { segment } of GRAPHEMES.segment(text)) columns += columnsOfGrapheme(segment);
  return columns;
}

/**
 * Cuts a text to so many columns. Control and formatting characters become visible: what a server says goes to no
 * terminal as it is.
 */
export function cut(text: string, columns: number): string {
  const shown = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, "·");
  if (columnsOf(shown) <= columns) return shown;
  let left = "";
  let used = 0;
  for (const { segment } of GRAPHEMES.segment(shown)) {
    used += columnsOfGrapheme(segment);
    // The ellipsis takes one.
    if (used > columns - 1) break;
    left += segment;
  }
  return columns < 1 ? "" : `${left}…`;
}

/** Cuts or fills a text to exactly so many columns. */
export function fill(text: string, columns: number): string {
  const shown = cut(text, columns);
  return shown + " ".repeat(columns - columnsOf(shown));
}
