import type { Zone } from '../kit/types';

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** A zone's rectangle in metres, x to the east, y to the south. */
export function box(z: Zone): Box | undefined {
  const [x, y, w, h] = z.shape ?? [];
  if (x === undefined || y === undefined || !w || !h) return undefined;
  return { x, y, w, h };
}

/** The smallest rectangle around them, with a margin. */
export function around(boxes: readonly Box[], margin: number): Box {
  if (boxes.length === 0) return { x: 0, y: 0, w: 100, h: 100 };
  const x = Math.min(...boxes.map((b) => b.x)) - margin;
  const y = Math.min(...boxes.map((b) => b.y)) - margin;
  const r = Math.max(...boxes.map((b) => b.x + b.w)) + margin;
  const b = Math.max(...boxes.map((c) => c.y + c.h)) + margin;
  return { x, y, w: r - x, h: b - y };
}

/** The part of the plan that a view of this shape shows when all of b is to be seen. */
export function fit(b: Box, width: number, height: number): Box {
  const [across, down] = [Math.max(width, 1), Math.max(height, 1)];
  const scale = Math.max(b.w / across, b.h / down);
  const w = across * scale;
  const h = down * scale;
  return { x: b.x - (w - b.w) / 2, y: b.y - (h - b.h) / 2, w, h };
}

/** Zooms about a point, within limits of metres across. */
export function zoom(v: Box, factor: number, cx: number, cy: number, min: number, max: number): Box {
  const w = Math.min(max, Math.max(min, v.w * factor));
  const f = w / v.w;
  return { x: cx - (cx - v.x) * f, y: cy - (cy - v.y) * f, w, h: v.h * f };
}

/** Keeps the middle of the view inside the plan. */
export function clamp(v: Box, plan: Box): Box {
  const mid = (at: number, size: number, lo: number, len: number) =>
    Math.min(lo + len, Math.max(lo, at + size / 2)) - size / 2;
  return { ...v, x: mid(v.x, v.w, plan.x, plan.w), y: mid(v.y, v.h, plan.y, plan.h) };
}

/** The field of view of a camera: heading in degrees, 0 north, clockwise. */
export function cone(x: number, y: number, heading: number, fov: number, reach: number): string {
  const point = (deg: number) => {
    const r = ((deg - 90) * Math.PI) / 180;
    return `${(x + reach * Math.cos(r)).toFixed(1)} ${(y + reach * Math.sin(r)).toFixed(1)}`;
  };
  const half = fov / 2;
  return `M${x} ${y}L${point(heading - half)}A${reach} ${reach} 0 0 1 ${point(heading + half)}Z`;
}

/** Many points as one path of zero-length strokes: a thousand dots cost one node. */
export const dots = (ps: Iterable<{ x?: number; y?: number }>): string => {
  let d = '';
  for (const p of ps) if (p.x !== undefined && p.y !== undefined) d += `M${p.x} ${p.y}h0`;
  return d;
};

/** What lies nearest to a point, within a distance. */
export function nearest<T extends { x?: number; y?: number }>(things: Iterable<T>, x: number, y: number, within: number): T | undefined {
  let best: T | undefined;
  let d = within;
  for (const p of things) {
    if (p.x === undefined || p.y === undefined) continue;
    const e = Math.hypot(p.x - x, p.y - y);
    if (e < d) [best, d] = [p, e];
  }
  return best;
}
