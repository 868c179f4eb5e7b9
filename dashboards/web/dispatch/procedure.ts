import type { Answer, Procedure, Progress, Step, StepDone } from '../kit/types';

/** A line of the card: what has been done, what is to be done now, what may follow. */
export interface Line {
  step: Step;
  at: 'done' | 'now' | 'ahead';
  done?: StepDone;
  /** It follows only on these answers to the question that is asked now. */
  when?: Answer[];
}

/**
 * The way through a card: the steps that were done, in their order, the one to do
 * now, and those that can still follow, in the card's order. A step that another
 * answer passes by says which answer leads to it.
 */
export function path(p: Progress): Line[] {
  const steps = new Map(p.card.steps.map((s) => [s.id, s]));
  const lines: Line[] = [];
  for (const done of p.done ?? []) {
    const step = steps.get(done.step);
    if (step) lines.push({ step, at: 'done', done });
  }
  const now = p.finished ? undefined : steps.get(p.next);
  if (!now) return lines;
  lines.push({ step: now, at: 'now' });
  const was = new Set(lines.map((l) => l.step.id));
  const answers = now.answers ?? [];
  const by = answers.length ? answers.map((a) => ({ a, to: reach(steps, a.next) })) : [{ a: undefined, to: reach(steps, now.next) }];
  for (const step of p.card.steps) {
    const leading = by.filter((w) => w.to.has(step.id));
    if (was.has(step.id) || leading.length === 0) continue;
    const line: Line = { step, at: 'ahead' };
    if (leading.length < by.length) line.when = leading.flatMap((w) => w.a ?? []);
    lines.push(line);
  }
  return lines;
}

/** The answer that was given, as the card words it. */
export function answered(l: Line): Answer | undefined {
  return l.step.answers?.find((a) => a.id === l.done?.answer);
}

/** A card that nobody has begun to follow. */
export const begin = (card: Procedure): Progress => ({ card, done: [], next: card.steps[0]?.id ?? '', finished: false });

function reach(steps: ReadonlyMap<string, Step>, from: string | undefined): Set<string> {
  const seen = new Set<string>();
  const ask = [from];
  while (ask.length) {
    const s = steps.get(ask.pop() ?? '');
    if (!s || seen.has(s.id)) continue;
    seen.add(s.id);
    ask.push(s.next, ...(s.answers ?? []).map((a) => a.next));
  }
  return seen;
}
