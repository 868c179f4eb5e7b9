import { rank } from '../../kit/alarms';
import type { Rule } from './types';

/** Which rules the list shows. */
export const filters = ['all', 'firing', 'trouble', 'life_safety'] as const;
export type Filter = (typeof filters)[number];

export const inTrouble = (r: Rule): boolean => !!r.disabled || r.errors > 0;

const fits: Record<Filter, (r: Rule) => boolean> = {
  all: () => true,
  firing: (r) => r.firing > 0,
  trouble: inTrouble,
  life_safety: (r) => !!r.life_safety,
};

/** The rules of a filter that contain every word; by topic, then by priority. */
export function choose(rules: readonly Rule[], filter: Filter, search: string): Rule[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return rules
    .filter((r) => fits[filter](r) && words.every((w) => haystack(r).includes(w)))
    .sort((a, b) => topic(a.id).localeCompare(topic(b.id)) || rank(a.priority) - rank(b.priority) || a.id.localeCompare(b.id));
}

export const count = (rules: readonly Rule[], filter: Filter): number => rules.filter(fits[filter]).length;

/** The first part of an id: charger of charger.smoke. */
export const topic = (id: string): string => id.split('.')[0] ?? id;

const haystack = (r: Rule): string => [r.id, r.title.zh, r.title.en, r.file, r.priority, ...(r.kinds ?? []), ...(r.types ?? []), r.channel ?? ''].join('\n').toLowerCase();
