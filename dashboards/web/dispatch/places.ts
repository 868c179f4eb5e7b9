import { label, t } from '../kit/i18n.svelte';
import type { Desk } from './desk.svelte';

/** The names of areas: zones, single doors as door:ID, "" for all. */
export function placeOf(desk: Desk, areas: string[]): string {
  return areas
    .map((a) => {
      if (a === '') return t('ladder.everywhere');
      const door = a.startsWith('door:') ? a.slice(5) : '';
      return door ? label(desk.model.devices.get(door)?.name) || door : label(desk.zone(a)?.name) || a;
    })
    .join('、');
}
