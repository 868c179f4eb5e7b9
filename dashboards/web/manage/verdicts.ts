import type { Text } from '../kit/types';

/** A figure held against its limit of ISA-18.2, as the hub judges it. */
export interface Verdict {
  name: string;
  value: number;
  limit: number;
  ok: boolean;
  text: Text;
}

/** What fails stands first; otherwise the hub's order. */
export const worstFirst = (vs: readonly Verdict[] | null | undefined): Verdict[] => [...(vs ?? [])].sort((a, b) => Number(a.ok) - Number(b.ok));

/** Good, bad, or nothing to judge by. */
export type Tone = 'ok' | 'bad' | 'none';

/** The light of all together. */
export function overall(vs: readonly Verdict[] | null | undefined): Tone {
  if (!vs?.length) return 'none';
  return vs.every((v) => v.ok) ? 'ok' : 'bad';
}

export type MixName = 'critical' | 'high' | 'medium' | 'low';
/** Shares of the priorities in %. */
export type Mix = Partial<Record<MixName, number>>;

/** A part of the bar, in %, and its place from the left. */
export interface Share {
  name: 'critical' | 'high' | 'rest';
  from: number;
  share: number;
  /** What ISA-18.2 asks for: about 5, 15 and 80 %. */
  aim: number;
}

/** The three parts that ISA-18.2 speaks of; medium and low are one there. */
export function shares(mix: Mix | null | undefined): Share[] {
  const of = (n: MixName) => Math.max(0, mix?.[n] ?? 0);
  const parts: [Share['name'], number, number][] = [
    ['critical', of('critical'), 5],
    ['high', of('high'), 15],
    ['rest', of('medium') + of('low'), 80],
  ];
  const sum = parts.reduce((n, p) => n + p[1], 0);
  if (sum === 0) return [];
  let from = 0;
  return parts.map(([name, n, aim]) => {
    const part = { name, from, share: (n / sum) * 100, aim };
    from += part.share;
    return part;
  });
}
