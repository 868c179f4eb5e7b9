import { describe, expect, it } from 'vitest';
import { ApiError } from '../../kit/api';
import { explain, whyNot } from '../../kit/errors';
import { byName } from '../../kit/format';
import { known } from '../../kit/i18n.svelte';
import type { Alarm } from '../../kit/types';

const sources = import.meta.glob<string>(['../../../../internal/{alarm,broadcast}/*.go', '!**/*_test.go'], { query: '?raw', import: 'default', eager: true });

/** What the hub's rooms refuse with; the desk asks these. */
function codes(room: string): string[] {
  const text = Object.entries(sources).filter(([f]) => f.includes(`/internal/${room}/`)).map(([, t]) => t).join('');
  const fail = /web\.Fail\(http\.Status(?:Conflict|UnprocessableEntity|TooManyRequests|Forbidden),\s*"([a-z_.]+)"/g;
  return [...new Set([...text.matchAll(fail)].map((m) => m[1] as string))];
}

describe('a refusal', () => {
  it.each(['alarm', 'broadcast'])('of %s has words in every language', (room) => {
    const found = codes(room);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((c) => !known(`error.${c}`))).toEqual([]);
  });

  it('of a close tells life safety from the rest', () => {
    const err = new ApiError(409, 'alarm.still_active', 'the condition still holds');
    expect(whyNot(err, { latched: true } as Alarm)).toContain('人身安全');
    expect(whyNot(err, { latched: false } as Alarm)).toBe(explain(err));
    expect(whyNot(err, undefined)).toContain('误报');
    expect(whyNot(new ApiError(0, 'network', ''), { latched: true } as Alarm)).toContain('网络');
  });
});

describe('names', () => {
  it('stand as a person counts', () => {
    const xs = ['东苑1栋10单元门', '东苑1栋2单元门', '东苑1栋1单元门'].map((name, i) => ({ id: `d${i}`, name }));
    expect(byName(xs).map((x) => x.id)).toEqual(['d2', 'd1', 'd0']);
  });
});
