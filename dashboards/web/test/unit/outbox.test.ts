import { describe, expect, it } from 'vitest';
import { expected, photos, refused, without, type Act } from '../../crew/outbox';
import type { Order, User } from '../../kit/types';

const user = { id: 'u-wang', name: '王', login: 'wang', role: 'crew' } as User;
const order = (id: string, state = 'open'): Order => ({ id, state, priority: 'low', title: id, created_at: '' });
let n = 0;
const act = (order: string, what: Act['what'], more: Partial<Act> = {}): Act => ({ id: `a${n++}`, user: user.id, order, what, at: `2026-07-01T08:0${n}:00Z`, ...more });

describe('orders on a phone without a network', () => {
  it('are as they will be: taken by who tapped, said to be done, and so many acts waiting', () => {
    const waiting = [act('a', 'take'), act('a', 'photo', { when: 'before' }), act('a', 'done'), act('b', 'photo', { when: 'after' })];
    const [a, b, c] = expected([order('a'), order('b', 'taken'), order('c')], waiting, user);
    expect(a).toMatchObject({ state: 'taken', assignee: 'u-wang', waiting: 3, claimed: true });
    expect(b).toMatchObject({ state: 'taken', waiting: 1, claimed: false });
    expect(c).toEqual(order('c'));
    expect(photos(waiting, 'a', 'before')).toHaveLength(1);
    expect(photos(waiting, 'a', 'after')).toHaveLength(0);
  });
  it('are not taken away from somebody who was faster', () => {
    expect(expected([{ ...order('a', 'taken'), assignee: 'u-li' }], [act('a', 'take')], user)[0]).toMatchObject({ state: 'taken', assignee: 'u-li' });
  });
  it('forget what makes no sense after a refusal, and keep the photos and other orders', () => {
    const take = act('a', 'take');
    const waiting = [take, act('a', 'photo', { when: 'before' }), act('a', 'done'), act('b', 'done')];
    expect(without(waiting, take).map((x) => `${x.order} ${x.what}`)).toEqual(['a photo', 'b done']);
    expect(without(waiting, waiting[1]!)).toHaveLength(3);
  });
  it('wait on when the hub could not be asked, and not when it said no', () => {
    expect([0, 401, 408, 429, 500, 503].map(refused)).toEqual([false, false, false, false, false, false]);
    expect([400, 403, 404, 409, 413, 422].map(refused)).toEqual([true, true, true, true, true, true]);
  });
});
