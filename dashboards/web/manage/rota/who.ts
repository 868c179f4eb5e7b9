import { t } from '../../kit/i18n.svelte';
import { shortest, target } from './ladder';
import { nameOf } from './names';
import type { Person } from './types';

/** Whom a step calls, in words. */
export function who(to: string, people: readonly Person[]): string {
  const x = target(to);
  if (x.kind === 'user') return nameOf(people, x.id);
  if (x.kind === 'list') return t('rota.list', { name: x.id });
  return x.kind === 'other' ? x.id : t(`rota.to.${x.kind}`);
}

/** How long after the alarm a step is taken, in words. */
export function after(seconds: number): string {
  const { n, unit } = shortest(seconds);
  return n === 0 ? t('rota.atOnce') : t(`rota.after.${unit}`, { n });
}
