/** Where rows of these heights begin, one after the other; the last number is where the list ends. */
export function tops(heights: readonly number[]): Float64Array {
  const out = new Float64Array(heights.length + 1);
  for (let i = 0; i < heights.length; i++) out[i + 1] = (out[i] as number) + (heights[i] as number);
  return out;
}

/** The row at a place: the last that begins at or above it. */
export function at(tops: Float64Array, y: number): number {
  let [lo, hi] = [0, Math.max(0, tops.length - 2)];
  while (lo < hi) {
    const mid = (lo + hi + 1) >> 1;
    if ((tops[mid] as number) <= y) lo = mid;
    else hi = mid - 1;
  }
  return lo;
}
