import type { Alarm, Badge, Broadcast, Camera, Command, Device, Incident, Order, Reading } from './types';

/** What the stream's topics change. */
export type Topic = 'alarm' | 'incident' | 'device' | 'twin' | 'camera' | 'command' | 'broadcast' | 'badge' | 'order';

interface Twin {
  device: string;
  at: string;
  values?: Record<string, Record<string, number | string | Reading>>;
  state?: Record<string, unknown>;
}

const keepBadges = 200;
const keepCommands = 300;
const keepAlarms = 20_000; // of those, only closed ones are forgotten

/**
 * The community as the screen knows it: lists that were loaded, and over them
 * what the stream told since. A list that was asked for before a change arrived
 * does not undo the change.
 */
export class Model {
  alarms = new Map<string, Alarm>();
  incidents = new Map<string, Incident>();
  devices = new Map<string, Device>();
  cameras = new Map<string, Camera>();
  commands = new Map<string, Command>();
  broadcasts = new Map<string, Broadcast>();
  orders = new Map<string, Order>();
  badges: Badge[] = [];

  #clock = 0;
  #touched = new Map<string, number>();

  /** The present, to hand to load together with what was asked for at this time. */
  mark(): number {
    return this.#clock;
  }

  /** Takes a loaded list: all of it that no event has overtaken. */
  load<T extends { id: string }>(into: Map<string, T>, items: T[], since: number): void {
    const name = this.#name(into);
    const overtaken = (id: string) => (this.#touched.get(`${name}:${id}`) ?? 0) > since;
    const fresh = new Set(items.map((x) => x.id));
    for (const id of into.keys()) if (!fresh.has(id) && !overtaken(id)) into.delete(id);
    for (const x of items) if (!overtaken(x.id)) into.set(x.id, x);
  }

  /** Applies an event of the stream. */
  apply(topic: string, data: unknown): void {
    switch (topic as Topic) {
      case 'alarm':
        this.#later(this.alarms, data as Alarm);
        break;
      case 'incident':
        this.#later(this.incidents, data as Incident);
        break;
      case 'device':
        this.#merge(this.devices, data as Device);
        break;
      case 'camera':
        this.#merge(this.cameras, data as Camera);
        break;
      case 'command':
        this.#merge(this.commands, data as Command);
        trim(this.commands, keepCommands);
        break;
      case 'broadcast':
        this.#merge(this.broadcasts, data as Broadcast);
        break;
      case 'order':
        this.#merge(this.orders, data as Order);
        break;
      case 'badge':
        this.badges = [data as Badge, ...this.badges].slice(0, keepBadges);
        break;
      case 'twin':
        this.#twin(data as Twin);
        break;
    }
  }

  /** Merges a change, unless a later one has been seen already. */
  #later<T extends Alarm | Incident>(into: Map<string, T>, x: T): void {
    const old = into.get(x?.id)?.seq;
    if (old !== undefined && x.seq !== undefined && x.seq < old) return;
    this.#merge(into, x);
    forget(into);
  }

  #twin(t: Twin): void {
    const d = this.devices.get(t.device);
    if (!d) return;
    const next: Device = { ...d, last_seen: t.at };
    if (t.state) next.state = { ...d.state, ...t.state };
    if (t.values) next.values = readings(d.values ?? {}, t);
    this.devices.set(d.id, next);
  }

  #merge<T extends { id: string }>(into: Map<string, T>, x: T): void {
    if (!x?.id) return;
    this.#touched.set(`${this.#name(into)}:${x.id}`, ++this.#clock);
    into.set(x.id, { ...into.get(x.id), ...x });
  }

  #name(m: unknown): string {
    if (m === this.alarms) return 'alarm';
    if (m === this.incidents) return 'incident';
    if (m === this.devices) return 'device';
    if (m === this.cameras) return 'camera';
    if (m === this.commands) return 'command';
    if (m === this.broadcasts) return 'broadcast';
    return 'order';
  }
}

function readings(old: NonNullable<Device['values']>, t: Twin): NonNullable<Device['values']> {
  const next = { ...old };
  for (const [part, metrics] of Object.entries(t.values ?? {})) {
    const of = { ...next[part] };
    for (const [m, v] of Object.entries(metrics)) of[m] = typeof v === 'number' ? { v, at: t.at } : typeof v === 'string' ? { v: 0, text: v, at: t.at } : v;
    next[part] = of;
  }
  return next;
}

/** Drops the oldest closed ones of very many; looked at now and then, for it goes through all. */
function forget<T extends { closed_at?: string | null }>(m: Map<string, T>): void {
  if (m.size % 256 === 0) trim(m, keepAlarms, (x) => !!x.closed_at);
}

/** Forgets the oldest that may be forgotten. */
function trim<T>(m: Map<string, T>, max: number, may: (x: T) => boolean = () => true): void {
  if (m.size <= max) return;
  for (const [id, x] of m) {
    if (may(x)) m.delete(id);
    if (m.size <= max) return;
  }
}
