// Places and edits in the text of a rule file. Lines and columns count from 1, as
// the hub tells them; offsets are those of a text field.

export interface Place {
  line: number;
  col: number;
}

/** The offset of a place; what lies outside the text becomes its nearest end. */
export function offsetOf(text: string, { line, col }: Place): number {
  if (line < 1) return 0;
  let at = 0;
  for (let n = 1; n < line; n++) {
    const end = text.indexOf('\n', at);
    if (end < 0) return text.length;
    at = end + 1;
  }
  const end = text.indexOf('\n', at);
  return Math.min(at + Math.max(0, col - 1), end < 0 ? text.length : end);
}

export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, col: offset - start + 1 };
}

/** What replaces a piece of the text, and what is selected then. */
export interface Edit {
  from: number;
  to: number;
  text: string;
  start: number;
  end: number;
}

const step = '  ';

/** Tab: two spaces at the caret; with several lines selected, all of them move. */
export function indent(text: string, start: number, end: number): Edit {
  if (!text.slice(start, end).includes('\n')) return { from: start, to: end, text: step, start: start + step.length, end: start + step.length };
  return lines(text, start, end, (l) => (l ? step + l : l));
}

/** Shift+Tab: the lines move back by up to two spaces. */
export function outdent(text: string, start: number, end: number): Edit {
  return lines(text, start, end, (l) => l.replace(/^ {1,2}|^\t/, ''));
}

function lines(text: string, start: number, end: number, change: (line: string) => string): Edit {
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const last = end > start && text[end - 1] === '\n' ? end - 1 : end; // the caret before a line's first letter has not selected that line
  const stop = text.indexOf('\n', last);
  const to = stop < 0 ? text.length : stop;
  const old = text.slice(from, to).split('\n');
  const next = old.map(change);
  const first = (next[0]?.length ?? 0) - (old[0]?.length ?? 0);
  const all = next.join('\n');
  return { from, to, text: all, start: Math.max(from, start + first), end: Math.max(from, end + all.length - (to - from)) };
}

/** Enter: the next line begins below this one, below the key when it opens a list item. */
export function newline(text: string, start: number, end: number): Edit {
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const line = text.slice(from, start);
  const space = /^ */.exec(line)?.[0] ?? '';
  const item = /^ *- (?=\S)/.test(line) ? step : '';
  const opens = /:\s*$/.test(line) ? step : '';
  const put = `\n${space}${item}${opens}`;
  return { from: start, to: end, text: put, start: start + put.length, end: start + put.length };
}

export interface Excerpt {
  /** The number of the first line. */
  first: number;
  lines: string[];
}

/** The rule that begins at a line: to the next of its list, without the blank lines and remarks after it. */
export function excerpt(text: string, line: number): Excerpt {
  const all = text.split('\n');
  const first = Math.min(Math.max(1, line), all.length);
  const depth = /^ */.exec(all[first - 1] ?? '')?.[0].length ?? 0;
  let end = first;
  for (let i = first; i < all.length; i++) {
    const l = all[i] ?? '';
    const blank = !l.trim() || l.trim().startsWith('#');
    if (!blank && l.search(/\S/) <= depth) break;
    if (!blank) end = i + 1;
  }
  return { first, lines: all.slice(first - 1, end) };
}

export type TokenKind = 'key' | 'text' | 'note' | 'word' | '';
export interface Token {
  kind: TokenKind;
  text: string;
}

const token = /(#.*$)|("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?)|([\w.-]+)(?=:(?:\s|$))|\b(true|false|null|critical|high|medium|low|-?\d+(?:\.\d+)?(?:ms|s|m|h|d)?)\b/g;

/** The pieces of a line of YAML that are coloured; a remark needs a space before it. */
export function tokens(line: string): Token[] {
  const out: Token[] = [];
  let at = 0;
  for (const m of line.matchAll(token)) {
    if (m[1] !== undefined && m.index > 0 && !/\s/.test(line[m.index - 1] ?? '')) continue;
    if (m.index < at) continue;
    if (m.index > at) out.push({ kind: '', text: line.slice(at, m.index) });
    out.push({ kind: m[1] !== undefined ? 'note' : m[2] !== undefined ? 'text' : m[3] !== undefined ? 'key' : 'word', text: m[0] });
    at = m.index + m[0].length;
  }
  if (at < line.length) out.push({ kind: '', text: line.slice(at) });
  return out;
}
