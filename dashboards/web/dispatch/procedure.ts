import type { JournalEntry } from '../kit/types';

// A ticked step is a comment in the alarm's journal: "✓2 …" (so it is in every
// export, and another desk sees it too). The number is the step's place, from 1.
const mark = /^✓\s*(\d+)/;

/** The steps that have been ticked, with who and when. */
export function ticked(journal: readonly JournalEntry[]): Map<number, JournalEntry> {
  const done = new Map<number, JournalEntry>();
  for (const j of journal) {
    const n = Number(mark.exec(j.text ?? '')?.[1]);
    if (n && !done.has(n)) done.set(n, j);
  }
  return done;
}
