export interface Line {
  /** In both, only wanted, only got. */
  kind: 'same' | 'want' | 'got';
  text: string;
}

/** A test may leave off the end of a line. */
const fits = (want: string, got: string): boolean => got === want || got.startsWith(`${want} `);

/** What a test wanted and what it got, line by line, as few differences as there can be. */
export function compare(want: readonly string[], got: readonly string[]): Line[] {
  const n = want.length;
  const m = got.length;
  const w = (i: number) => want[i] ?? '';
  const g = (j: number) => got[j] ?? '';
  // longest[i][j]: lines that can stand side by side from want[i] and got[j] on
  const longest = Array.from({ length: n + 1 }, () => new Array<number>(m + 1).fill(0));
  const at = (i: number, j: number) => longest[i]?.[j] ?? 0;
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      (longest[i] as number[])[j] = fits(w(i), g(j)) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const out: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < n || j < m) {
    if (i < n && j < m && fits(w(i), g(j))) {
      out.push({ kind: 'same', text: g(j) });
      i++;
      j++;
    } else if (i < n && (j === m || at(i + 1, j) >= at(i, j + 1))) out.push({ kind: 'want', text: w(i++) });
    else out.push({ kind: 'got', text: g(j++) });
  }
  return out;
}
