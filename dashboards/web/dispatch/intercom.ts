import type { Device } from '../kit/types';

/** A loudspeaker that can also hear. */
export const hears = (d: Device): boolean => d.kind === 'speaker' && d.online && d.state?.microphone === true;

/** How many parts of their way two zones share: east/b01 and east/b01/u1 two. */
function shared(a: string, b: string): number {
  const [x, y] = [a.split('/'), b.split('/')];
  let n = 0;
  while (n < x.length && x[n] && x[n] === y[n]) n++;
  return n;
}

const placed = (d: Device): boolean => !!d.x || !!d.y;

/** How far, in metres on the plan; where one has no place there, how far their zones lie apart. */
function distance(a: Device, b: Device): number {
  return placed(a) && placed(b) ? Math.hypot(a.x! - b.x!, a.y! - b.y!) : 1e6 - shared(a.zone, b.zone);
}

/**
 * The loudspeaker to talk over with somebody at a device: itself, else the nearest one
 * that hears; undefined where there is none.
 */
export function nearest(devices: Iterable<Device>, at: Device | undefined): Device | undefined {
  let best: Device | undefined;
  let least = Infinity;
  for (const d of devices) {
    if (!hears(d)) continue;
    if (d.id === at?.id) return d;
    const far = at ? distance(d, at) : 1e7;
    if (far < least) [best, least] = [d, far];
  }
  return best;
}
