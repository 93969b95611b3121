// RFC 3454, tables C.1.2 (spaces beyond ASCII) and B.1 (what is commonly mapped to nothing).
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const NOTHING = /\u034f|\u200d|[\u180b-\u180d]|[\ufe00-\ufe0f]|[\u00ad\u1806\u200c\u2060\ufeff]/gu;

/**
 * SASLprep, RFC 4013: one form for what users see as one password. What the profile would refuse (unassigned code
 * points, mixed directions) passes: the server refuses it, and for everything else the form is the same.
 */
export function saslPrep(text: string): string {
  return text.replace(SPACES, " ").replace(NOTHING, "").normalize("NFKC");
}
