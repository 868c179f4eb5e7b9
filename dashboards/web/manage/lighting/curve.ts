import type { Night, Point } from './types';

/** A time of day on the community's clock, whatever the browser's is. */
export const clockOf = (zone: string): ((at: string | number) => string) => {
  const f = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone });
  return (at) => f.format(new Date(at));
};

const whole = 24 * 3600_000;

/** Where a time stands in a night from noon to noon, 0 to 1. */
export function across(at: string | number, night: Night): number {
  const t = typeof at === 'number' ? at : Date.parse(at);
  return Math.min(1, Math.max(0, (t - Date.parse(night.begins)) / whole));
}

/** The programme as an SVG path of steps in a box of w by h; full brightness is its top. */
export function steps(points: readonly Point[], night: Night, w: number, h: number): string {
  const y = (pct: number) => +(h - (h * pct) / 100).toFixed(1);
  let d = '';
  for (const p of points) {
    const x = +(across(p.at, night) * w).toFixed(1);
    d += d ? `H${x}V${y(p.pct)}` : `M0 ${y(p.pct)}H${x}`;
  }
  return d && `${d}H${w}`;
}

export interface Band {
  from: number;
  to: number;
  kind: 'twilight' | 'night';
}

/** Twilight and night, as parts of the width. Where the sun does not set there are none. */
export function bands(night: Night): Band[] {
  const { sunset, dusk, dawn, sunrise } = night;
  if (!sunset || !sunrise) return [];
  const [a, d] = [across(sunset, night), across(sunrise, night)];
  const [b, c] = [dusk ? across(dusk, night) : a, dawn ? across(dawn, night) : d];
  return [
    { from: a, to: b, kind: 'twilight' },
    { from: b, to: c, kind: 'night' },
    { from: c, to: d, kind: 'twilight' },
  ];
}
