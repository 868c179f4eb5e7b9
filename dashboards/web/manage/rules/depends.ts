import type { Dependence, Rule } from './types';

/** A rule beside another, and where the silence reaches: '' for the same device. */
export interface Link {
  rule: string;
  scope: string;
}

const link = (d: Dependence): Link => (typeof d === 'string' ? { rule: d, scope: '' } : { rule: d.rule, scope: d.scope ?? '' });

/** The rules whose firing silences this one. */
export const causes = (r: Rule): Link[] => (r.depends_on ?? []).map(link);

/** The rules that this one silences. */
export function effects(r: Rule, all: readonly Rule[]): Link[] {
  return all.flatMap((x) => causes(x).filter((c) => c.rule === r.id).map((c) => ({ rule: x.id, scope: c.scope })));
}

/**
 * The line from the middle of row i of n to the middle of row j of m, in a box of
 * 100 by 100: a curve that leaves and arrives level.
 */
export function curve(i: number, n: number, j: number, m: number): string {
  const y = (k: number, of: number) => Math.round(((k + 0.5) / of) * 1000) / 10;
  return `M0 ${y(i, n)}C50 ${y(i, n)} 50 ${y(j, m)} 100 ${y(j, m)}`;
}
