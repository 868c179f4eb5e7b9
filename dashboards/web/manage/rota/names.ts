import { label } from '../../kit/i18n.svelte';
import type { Person, Shift } from './types';

/** A person's name, or the id of one that is not known any more. */
export const nameOf = (people: readonly Person[], id: string): string => people.find((p) => p.id === id)?.name ?? id;

export const shiftName = (shifts: readonly Shift[], id: string): string => label(shifts.find((s) => s.id === id)?.name) || id;
