/** RFC 3461 §4: what is no graphic ASCII character, and "+" and "=", as "+" and two hexadecimal digits. */
export function xtext(text: string): string {
  return text.replace(
    /[^!-*,-<>-~]/g,
    (character) => `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
