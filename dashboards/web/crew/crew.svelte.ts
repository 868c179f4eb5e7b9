import { queue, rank } from '../kit/alarms';
import { all, ApiError, post } from '../kit/api';
import { explain } from '../kit/errors';
import { Model } from '../kit/model';
import { notices } from '../kit/notices.svelte';
import { session } from '../kit/session.svelte';
import { Stream, type LinkState } from '../kit/stream';
import { Tone } from '../kit/tone';
import type { Alarm, Order, User, Zone } from '../kit/types';

/** A due order first, then by priority, then the oldest. */
export function byUrgency(a: Order, b: Order): number {
  const due = (o: Order) => (o.due_at ? Date.parse(o.due_at) : Infinity);
  return rank(a.priority) - rank(b.priority) || (due(a) === due(b) ? 0 : due(a) - due(b)) || Date.parse(a.created_at) - Date.parse(b.created_at);
}

/** Whether an order is this person's. */
export const mineIs = (o: Order, u: User): boolean => !!o.assignee && [u.id, u.login, u.name].includes(o.assignee);

/** What the crew's phone knows. */
export class Crew {
  readonly model = new Model();
  readonly tone = new Tone();
  readonly user: User;
  loading = $state<'loading' | 'ready' | 'failed'>('loading');
  trouble = $state('');
  link = $state<LinkState>('connecting');
  linkSince = $state(Date.now());
  zones = $state.raw<Map<string, Zone>>(new Map());
  #changed = $state.raw(0);
  #stream: Stream;

  orders = $derived.by(() => (void this.#changed, [...this.model.orders.values()].filter((o) => o.state !== 'done').sort(byUrgency)));
  mine = $derived(this.orders.filter((o) => mineIs(o, this.user)));
  open = $derived(this.orders.filter((o) => o.state === 'open' && !mineIs(o, this.user)));
  alarms = $derived.by(() => (void this.#changed, queue(this.model.alarms.values())));

  constructor(user: User) {
    this.user = user;
    this.#stream = new Stream({
      url: '/api/v1/stream',
      topics: ['order', 'alarm'],
      event: (topic, data) => {
        const fresh = this.model.apply(topic, data);
        if (fresh && !fresh.silent) this.tone.announce(fresh.priority);
        if (topic === 'order' && (data as { change?: string }).change === 'created') navigator.vibrate?.(200);
        this.#changed++;
      },
      reset: () => void this.load(),
      state: (s, since) => {
        this.link = s;
        this.linkSince = since;
      },
      denied: () => (session.user = null),
    });
  }

  start(): () => void {
    this.#stream.start();
    void this.load();
    const kick = () => this.#stream.kick();
    const seen = () => document.visibilityState === 'visible' && kick();
    addEventListener('online', kick);
    document.addEventListener('visibilitychange', seen);
    return () => {
      removeEventListener('online', kick);
      document.removeEventListener('visibilitychange', seen);
      this.#stream.stop();
      this.tone.stop();
    };
  }

  async load(): Promise<void> {
    const since = this.model.mark();
    try {
      const [orders, alarms, zones] = await Promise.all([
        all<Order>('/work-orders', 1000, 200),
        all<Alarm>('/alarms?state=open', 1000, 200).catch(() => []),
        all<Zone>('/zones').catch(() => []),
      ]);
      this.model.load(this.model.orders, orders, since);
      this.model.load(this.model.alarms, alarms, since);
      this.zones = new Map(zones.map((z) => [z.id, z]));
      this.loading = 'ready';
      this.#changed++;
    } catch (err) {
      this.trouble = explain(err);
      if (this.loading === 'loading') this.loading = 'failed';
      if (!(err instanceof ApiError && err.status === 401)) setTimeout(() => void this.load(), 5000);
    }
  }

  /** Takes or finishes an order; true when the hub agreed. */
  async act(o: Order, what: 'take' | 'done', body: Record<string, string> = {}): Promise<boolean> {
    try {
      const next = await post<Order | undefined>(`/work-orders/${encodeURIComponent(o.id)}/${what}`, body);
      this.model.apply('order', next?.id ? next : { ...o, state: what === 'take' ? 'taken' : 'done', assignee: this.user.id });
      this.#changed++;
      return true;
    } catch (err) {
      notices.fail(err);
      return false;
    }
  }
}
