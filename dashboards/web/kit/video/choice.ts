/** Which of a camera's two streams is taken, and why. */
export interface Choice {
  stream: 'main' | 'sub';
  /** large: the place has more pixels than the sub stream; small: it has not; only: there is no
   * other stream; fallback: the one that fits gives no picture. */
  why: 'large' | 'small' | 'only' | 'fallback';
}

export interface Size {
  width: number;
  height: number;
}

/** What a sub stream is taken for that has not been seen yet. */
const usual: Size = { width: 640, height: 360 };
// Between these two the choice stays as it is, so that dragging an edge changes nothing to and fro.
// A little larger than the sub stream is no reason: nobody sees it, and the decoder pays four times as much.
const upFrom = 1.3;
const downTo = 1.1;

/**
 * Chooses by the place's size in pixels of the screen. sub is the size of the sub
 * stream, null where there is none. bad names streams that give no picture now.
 */
export function choose(place: Size, sub: Partial<Size> | null | undefined, now: Choice | undefined, bad: ReadonlySet<string>): Choice {
  if (sub === null) return { stream: 'main', why: 'only' };
  const width = sub?.width || usual.width;
  const height = sub?.height || usual.height;
  const ratio = Math.max(place.width / width, place.height / height);
  const large = ratio > (now?.why === 'large' ? downTo : upFrom);
  const fits: Choice = large ? { stream: 'main', why: 'large' } : { stream: 'sub', why: 'small' };
  const other = fits.stream === 'main' ? 'sub' : 'main';
  return bad.has(fits.stream) && !bad.has(other) ? { stream: other, why: 'fallback' } : fits;
}
