import { rank } from '../../kit/alarms';
import type { Alarm } from '../../kit/types';

const aside = ['shelved', 'suppressed', 'out_of_service'];
const isAside = (a: Alarm): boolean => aside.includes(a.state);
const older = (a: Alarm, b: Alarm): number => rank(a.priority) - rank(b.priority) || Date.parse(a.raised_at) - Date.parse(b.raised_at) || (a.id < b.id ? -1 : 1);

/** What still holds and is not put aside: the most urgent first, the oldest of them first. */
export const standing = (alarms: readonly Alarm[]): Alarm[] =>
  alarms.filter((a) => !a.closed_at && !isAside(a) && (a.active ?? a.state.endsWith('_active'))).sort(older);

/** What somebody has put aside for a time. */
export const shelved = (alarms: readonly Alarm[]): Alarm[] => alarms.filter((a) => !a.closed_at && a.state === 'shelved').sort(older);

/** Two answers as one list. */
export const union = (...lists: Alarm[][]): Alarm[] => [...new Map(lists.flat().map((a) => [a.id, a])).values()];
