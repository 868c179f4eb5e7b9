/** Simplified to traditional, character by character and phrase by phrase. */
export interface CharTable {
  chars: Map<string, string>;
  phrases: [string, string][];
}

/**
 * Turns the server's own names and titles into traditional characters. The
 * screens' messages are converted at build with the full dictionary; names of
 * places and devices get by with characters and the phrases of this field.
 */
export function toTraditional(text: string, t: CharTable): string {
  let out = '';
  for (let i = 0; i < text.length; ) {
    const phrase = t.phrases.find(([from]) => text.startsWith(from, i));
    if (phrase) {
      out += phrase[1];
      i += phrase[0].length;
      continue;
    }
    const c = String.fromCodePoint(text.codePointAt(i) ?? 0);
    out += t.chars.get(c) ?? c;
    i += c.length;
  }
  return out;
}
