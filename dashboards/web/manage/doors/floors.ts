const floor = /^-?\d{1,3}$/;
const run = /^(-?\d{1,3})-(-?\d{1,3})$/;

/** Whether a text names floors as the hub reads them: 1-6, or -1,1,3-18; an empty one names none. */
export const areFloors = (text: string): boolean =>
  !text.trim() ||
  text.split(',').every((x) => {
    const s = x.trim();
    const m = run.exec(s);
    return floor.test(s) || (!!m && Number(m[1]) <= Number(m[2]));
  });
