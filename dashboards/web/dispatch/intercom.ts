import type { Device } from '../kit/types';

/** A loudspeaker that can also hear. */
export const hears = (d: Device): boolean => d.kind === 'speaker' && d.online && d.state?.microphone === true;

/**
 * The loudspeaker to talk over with somebody at a device: itself, else the nearest one on
 * the plan that hears; undefined where there is none.
 */
export function nearest(devices: Iterable<Device>, at: Device | undefined): Device | undefined {
  let best: Device | undefined;
  let least = Infinity;
  for (const d of devices) {
    if (!hears(d)) continue;
    if (d.id === at?.id) return d;
    const far = at?.x === undefined || d.x === undefined ? Infinity : Math.hypot(d.x - at.x, (d.y ?? 0) - (at.y ?? 0));
    if (far < least) [best, least] = [d, far];
  }
  return best;
}
