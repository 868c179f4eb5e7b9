import { t } from '../../kit/i18n.svelte';
import type { DoorView } from '../../kit/types-doors';
import type { Places } from '../places.svelte';

/** The names of areas: zones, single doors as door:ID, "" for all. */
export function areaNames(areas: readonly string[], places: Places): string {
  return areas.map((a) => (a === '' ? t('ladder.everywhere') : a.startsWith('door:') ? places.device(a.slice(5)) : places.zone(a))).join('、');
}

/** Whether a door lies in the areas. */
export function within(areas: readonly string[], d: Pick<DoorView, 'id' | 'zone'>): boolean {
  return areas.some((a) => a === '' || a === `door:${d.id}` || d.zone === a || d.zone.startsWith(`${a}/`));
}
