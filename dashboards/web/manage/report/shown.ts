import { num, span } from '../../kit/format';
import { t } from '../../kit/i18n.svelte';
import type { Figure } from './figures';

/** A figure with its unit, as a person reads it. */
export function shown(f: Pick<Figure, 'value' | 'unit'>): string {
  switch (f.unit) {
    case 'pct':
      return `${num(f.value, 1)} %`;
    case 'per10':
      return t('report.per10', { n: num(f.value, 2) });
    case 's':
      return f.value < 60 ? `${num(f.value)} s` : span(f.value * 1000);
    default:
      return num(f.value);
  }
}
