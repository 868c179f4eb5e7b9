import { queue, rank, sounds } from '../kit/alarms';
import { all, ApiError } from '../kit/api';
import { explain } from '../kit/errors';
import { incidents } from '../kit/incidents';
import { Model } from '../kit/model';
import { t } from '../kit/i18n.svelte';
import { notices } from '../kit/notices.svelte';
import { session } from '../kit/session.svelte';
import { Stream, type LinkState } from '../kit/stream';
import { Tone } from '../kit/tone';
import type { Alarm, Incident, Order, User, Zone } from '../kit/types';
import { recall, remember } from '../kit/stored';
import { expected, type Act, type Moment } from './outbox';
import { Outbox } from './outbox.svelte';
import { Roll } from './roll.svelte';

/** A due order first, then by priority, then the oldest. */
export function byUrgency(a: Order, b: Order): number {
  const due = (o: Order) => (o.due_at ? Date.parse(o.due_at) : Infinity);
  return rank(a.priority) - rank(b.priority) || (due(a) === due(b) ? 0 : due(a) - due(b)) || Date.parse(a.created_at) - Date.parse(b.created_at);
}

/** Whether an order or an incident is this person's. */
export const mineIs = (o: { assignee?: string; assignee_id?: string }, u: User): boolean =>
  (!!o.assignee && [u.id, u.login, u.name].includes(o.assignee)) || (!!o.assignee_id && o.assignee_id === u.id);

/** What the crew's phone knows. */
export class Crew {
  readonly model = new Model();
  readonly tone = new Tone();
  readonly roll = new Roll();
  readonly outbox: Outbox;
  readonly user: User;
  loading = $state<'loading' | 'ready' | 'failed'>('loading');
  trouble = $state('');
  link = $state<LinkState>('connecting');
  linkSince = $state(Date.now());
  zones = $state.raw<Map<string, Zone>>(new Map());
  #changed = $state.raw(0);
  #stream: Stream;
  #draw: ReturnType<typeof setTimeout> | undefined;

  orders = $derived.by(() => (void this.#changed, expected([...this.model.orders.values()], this.outbox.waiting, this.user).filter((o) => o.state !== 'done').sort(byUrgency)));
  mine = $derived(this.orders.filter((o) => mineIs(o, this.user)));
  open = $derived(this.orders.filter((o) => o.state === 'open' && !mineIs(o, this.user)));
  incidents = $derived.by(() => (void this.#changed, queue(incidents(this.model.incidents, this.model.alarms.values()))));
  given = $derived(this.incidents.filter((i) => mineIs(i, this.user)));
  others = $derived(this.incidents.filter((i) => !mineIs(i, this.user)));

  constructor(user: User) {
    this.user = user;
    this.outbox = new Outbox(user.id, (o, a) => this.#heard(o, a));
    // What was known when the network was there last, for a page that opens without one.
    for (const o of recall<Order[]>(`crew.orders.${user.id}`, [], Array.isArray)) this.model.orders.set(o.id, o);
    for (const z of recall<Zone[]>('crew.zones', [], Array.isArray)) this.zones.set(z.id, z);
    this.#stream = new Stream({
      url: '/api/v1/stream',
      topics: ['order', 'alarm', 'incident', 'muster'],
      event: (topic, data) => {
        if (topic === 'muster') return this.#mustered((data as { change?: string }).change);
        this.model.apply(topic, topic === 'order' ? this.#withPhotos(data as Order) : data);
        if (topic === 'alarm') this.#hear(data as Alarm);
        if (topic === 'order') this.#ordered((data as { change?: string }).change);
        this.#draw ??= setTimeout(() => ((this.#draw = undefined), this.#changed++), 100); // a flood is drawn in steps
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
    void this.outbox.load();
    const remembering = setInterval(() => this.#remember(), 5000);
    const kick = () => {
      this.#stream.kick();
      void this.roll.load();
      void this.outbox.send();
    };
    const seen = () => document.visibilityState === 'visible' && kick();
    addEventListener('online', kick);
    document.addEventListener('visibilitychange', seen);
    return () => {
      removeEventListener('online', kick);
      document.removeEventListener('visibilitychange', seen);
      this.#stream.stop();
      this.outbox.stop();
      clearInterval(remembering);
      this.tone.stop();
    };
  }

  async load(): Promise<void> {
    const since = this.model.mark();
    void this.roll.load();
    try {
      const [orders, alarms, groups, zones] = await Promise.all([
        all<Order>('/work-orders', 1000, 200),
        all<Alarm>('/alarms?state=open', 5000, 500).catch(() => []),
        all<Incident>('/incidents?state=open', 1000, 200).catch(() => []),
        all<Zone>('/zones').catch(() => []),
      ]);
      this.model.load(this.model.orders, orders.map((o) => this.#withPhotos(o)), since);
      this.model.load(this.model.alarms, alarms, since);
      this.model.load(this.model.incidents, groups, since);
      this.zones = new Map(zones.map((z) => [z.id, z]));
      this.loading = 'ready';
      this.#changed++;
      this.#remember();
    } catch (err) {
      this.trouble = explain(err);
      if (this.loading === 'loading') this.loading = this.model.orders.size ? 'ready' : 'failed';
      if (!(err instanceof ApiError && err.status === 401)) setTimeout(() => void this.load(), 5000);
    }
  }

  /** A muster calls like the gravest alarm; what others ticked is asked for. */
  #mustered(change: string | undefined): void {
    if (change === 'began') {
      this.tone.announce('critical');
      navigator.vibrate?.([300, 100, 300]);
    }
    void this.roll.load();
  }

  #hear(a: Alarm): void {
    if (a.annunciate && sounds(a)) this.tone.announce(a.priority);
  }

  /** Takes or finishes an order; without a network it waits on the phone. */
  act(o: Order, what: 'take' | 'done', text = ''): Promise<void> {
    return this.outbox.add({ order: o.id, what, ...(text && { text }) });
  }

  photo(o: Order, when: Moment, picture: Blob): Promise<void> {
    return this.outbox.add({ order: o.id, what: 'photo', when, picture });
  }

  /** The hub's answer to an act; of one that it refused the orders are asked for anew. */
  #heard(o: Order | undefined, a: Act): void {
    if (o?.id) {
      this.model.apply('order', o);
      if (a.what === 'take') notices.say(t('crew.taken'), 'ok');
      if (a.what === 'done') notices.say(t(o.state === 'checking' ? 'crew.claimed' : 'crew.finished'), 'ok');
    } else void this.load();
    this.#changed++;
  }

  /** Lists and the stream do not tell of photos; what is known of them stays. */
  #withPhotos(o: Order): Order {
    return { photos: this.model.orders.get(o.id)?.photos, ...o };
  }

  #ordered(change: string | undefined): void {
    if (change === 'created') navigator.vibrate?.(200);
    if (change === 'bounced') navigator.vibrate?.([200, 100, 200, 100, 200]);
  }

  #remember(): void {
    remember(`crew.orders.${this.user.id}`, [...this.model.orders.values()].filter((o) => o.state !== 'done').slice(0, 200));
    remember('crew.zones', [...this.zones.values()]);
  }
}
