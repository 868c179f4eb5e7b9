import type { Opener } from './types';

export interface Spread {
  all: number;
  have: number;
  /** Doors without lists: they ask the hub as long as they reach it. */
  without: number;
}

/** How many of somebody's doors have the last change in their lists. */
export function spread(doors: readonly Opener[]): Spread {
  const keeping = doors.filter((d) => d.list !== '' && d.list !== 'unsupported');
  return { all: keeping.length, have: keeping.filter((d) => d.list === 'current').length, without: doors.length - keeping.length };
}
