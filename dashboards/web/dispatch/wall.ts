/** The arrangements of the wall; 1+5 has one large picture and five small ones. */
export type Layout = '1' | '4' | '9' | '16' | '1+5';
export const layouts: Layout[] = ['1', '4', '9', '16', '1+5'];
export const tiles: Record<Layout, number> = { '1': 1, '4': 4, '9': 9, '16': 16, '1+5': 6 };

/** The number of tiles that exist; those a layout does not show rest. */
export const pool = 16;

/** A tile: its camera, and the alarm that put it there. */
export interface Slot {
  camera: string | null;
  alarm?: string;
}

export const empty = (): Slot[] => Array.from({ length: pool }, () => ({ camera: null }));

/** Where a tile lies in the grid: "row / column / row / column". */
export function area(layout: Layout, i: number): string {
  if (layout === '1+5') {
    const at = ['1 / 1 / 3 / 3', '1 / 3', '2 / 3', '3 / 1', '3 / 2', '3 / 3'];
    return at[i] ?? 'auto';
  }
  const n = Math.sqrt(tiles[layout]);
  return `${Math.floor(i / n) + 1} / ${(i % n) + 1}`;
}

/** How many rows and columns a layout has. */
export const side = (layout: Layout): number => (layout === '1+5' ? 3 : Math.sqrt(tiles[layout]));

/** Gives free tiles the cameras that have none yet, in order. */
export function fill(slots: Slot[], cameras: readonly string[]): Slot[] {
  const known = new Set(cameras);
  const next = slots.map((s) => (s.camera && known.has(s.camera) ? s : { camera: null }));
  const shown = new Set(next.map((s) => s.camera));
  const waiting = cameras.filter((c) => !shown.has(c));
  return next.map((s) => (s.camera ? s : { camera: waiting.shift() ?? null }));
}

/** Puts a camera into a tile; if another tile had it, the two change places. */
export function assign(slots: Slot[], i: number, camera: string | null): Slot[] {
  const next = slots.slice();
  const from = camera === null ? -1 : next.findIndex((s) => s.camera === camera);
  const old = next[i] ?? { camera: null };
  if (from >= 0 && from !== i) {
    next[i] = next[from] as Slot;
    next[from] = old;
  } else {
    next[i] = from === i ? old : { camera };
  }
  return next;
}

/**
 * Brings an alarm's cameras to the front of the tiles that can be seen, the
 * nearest into the large one. Tiles that another alarm holds are left alone, so
 * that a second alarm does not take away what the operator is looking at; only
 * when all are held does it take the last ones, for a new alarm is always shown.
 */
export function bring(slots: Slot[], alarm: string, cameras: readonly string[], held: (alarm: string) => boolean, room: number): Slot[] {
  let next = slots.map((s) => (s.alarm && s.alarm !== alarm && !held(s.alarm) ? { camera: s.camera } : s));
  let end = room;
  for (const camera of cameras.slice(0, room)) {
    if (next.slice(0, room).some((s) => s.camera === camera && s.alarm !== undefined)) continue; // in front already
    let i = next.findIndex((s, n) => n < room && s.alarm === undefined);
    if (i < 0) i = --end;
    next = assign(next, i, camera);
    next[i] = { camera, alarm };
  }
  return next;
}

/**
 * Gives an alarm's camera the large tile when what is there yields to it: a grave
 * alarm comes before a lesser one that was first. The two change places, so no
 * picture is lost.
 */
export function lead(slots: Slot[], camera: string, yields: (alarm: string) => boolean, room: number): Slot[] {
  const i = slots.findIndex((s, n) => n < room && s.camera === camera);
  const large = slots[0];
  if (i <= 0 || !large?.alarm || !yields(large.alarm)) return slots;
  const next = [...slots];
  [next[0], next[i]] = [next[i]!, large];
  return next;
}

/** A graver alarm marks the pictures that it shares with what was first. */
export function claim(slots: Slot[], alarm: string, cameras: readonly string[], yields: (alarm: string) => boolean, room: number): Slot[] {
  return slots.map((s, n) => (n < room && s.alarm && s.alarm !== alarm && s.camera && cameras.includes(s.camera) && yields(s.alarm) ? { ...s, alarm } : s));
}

/** Takes the marks of alarms away that no longer need their tiles. */
export function release(slots: Slot[], held: (alarm: string) => boolean): Slot[] {
  if (!slots.some((s) => s.alarm && !held(s.alarm))) return slots;
  return slots.map((s) => (s.alarm && !held(s.alarm) ? { camera: s.camera } : s));
}
