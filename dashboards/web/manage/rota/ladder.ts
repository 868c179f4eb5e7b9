import type { Policy } from './types';

/** Whom a step calls: by duty, or a person or list by name. */
export const duties = ['on_duty', 'next_on_duty', 'supervisor'] as const;
export type Target = { kind: (typeof duties)[number] | 'user' | 'list' | 'other'; id: string };

export function target(to: string): Target {
  if ((duties as readonly string[]).includes(to)) return { kind: to as Target['kind'], id: '' };
  const [kind, ...rest] = to.split(':');
  return kind === 'user' || kind === 'list' ? { kind, id: rest.join(':') } : { kind: 'other', id: to };
}

export type Step = { after_s: number; to: string[] };

/** The steps in the order in which they are taken. */
export const inOrder = (p: Policy): Step[] => [...(p.steps ?? [])].sort((a, b) => a.after_s - b.after_s);

export type Fault = 'noSteps' | 'noTarget' | 'noTime' | 'sameTime';

/** What the hub would refuse, told before it is asked. */
export function faults(steps: readonly Step[]): Fault[] {
  const out = new Set<Fault>();
  if (steps.length === 0) out.add('noSteps');
  for (const s of steps) {
    if (s.to.length === 0) out.add('noTarget');
    if (!Number.isInteger(s.after_s) || s.after_s < 0) out.add('noTime');
  }
  if (new Set(steps.map((s) => s.after_s)).size < steps.length) out.add('sameTime');
  return [...out];
}

/** 90 s, 3 min, 2 h as number and unit. */
export function shortest(s: number): { n: number; unit: 's' | 'min' | 'h' } {
  if (s >= 3600 && s % 3600 === 0) return { n: s / 3600, unit: 'h' };
  if (s >= 60 && s % 60 === 0) return { n: s / 60, unit: 'min' };
  return { n: s, unit: 's' };
}
