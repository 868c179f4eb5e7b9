import type { Key } from '../kit/i18n.svelte';

/** A thing that the desk can tell a device. */
export interface Order {
  type: string;
  name: Key;
  args?: Record<string, unknown>;
  /** It takes something away or makes noise: ask first. */
  grave?: boolean;
}

/** What the desk offers per kind (docs/protocol.md); opening a door has its own dialog with a reason. */
export const offers: Record<string, Order[]> = {
  door: [{ type: 'lock', name: 'command.lock' }, { type: 'sync', name: 'command.sync' }],
  lamp: [
    { type: 'dim', name: 'command.dim0', args: { pct: 0 } },
    { type: 'dim', name: 'command.dim30', args: { pct: 30 } },
    { type: 'dim', name: 'command.dim100', args: { pct: 100 } },
    { type: 'flash', name: 'command.flash', args: { for_s: 30 } },
  ],
  charger: [{ type: 'cut', name: 'command.cutFeeder', args: { feeder: true }, grave: true }],
  sensor: [{ type: 'test', name: 'command.test' }, { type: 'silence', name: 'command.silence' }],
};

/** What the desk offers for one part: a charging port. */
export const partOffers: Record<string, (part: string) => Order[]> = {
  charger: (part) => [
    { type: 'stop', name: 'command.stop', args: { part } },
    { type: 'cut', name: 'command.cut', args: { part }, grave: true },
  ],
};
