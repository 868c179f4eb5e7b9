import { hold, kpis, queue, type Shelf } from '../kit/alarms';
import { aside, floodCap, incidentOf, incidents, members } from '../kit/incidents';
import type { Model } from '../kit/model';
import { now } from '../kit/now.svelte';
import type { Alarm, Incident } from '../kit/types';

/** A line of the queue: an incident, or one of its alarms below it. */
export interface Row {
  id: string;
  item: Incident;
  /** Of a line that is one alarm. */
  alarm?: Alarm;
}
/** The lists of the queue's pane: open, put aside, and the bad actors. */
export type List = Shelf | 'bad';
export const lists: List[] = ['open', 'shelved', 'out', 'bad'];
/** What the operator's actions are for. */
export interface Target {
  kind: 'incidents' | 'alarms';
  id: string;
}

/** How many lines a flood shows; the others are folded. */
const floodLines = 10;
const restFor = 900; // ms

const lineOf = (i: Incident, a: Alarm): string => `${i.id} ${a.id}`;

/** The queue of the desk: incidents, which of them are open for a look, and what is selected. */
export class QueueState {
  readonly #model: Model;
  readonly #version: () => number;
  readonly #flooded: () => boolean;

  list = $state<List>('open');
  /** The incidents whose alarms are shown. */
  unfolded = $state.raw<ReadonlySet<string>>(new Set());
  /** The folded lines of a flood are shown as well. */
  whole = $state(false);
  /** The incident that the keys act on. */
  current = $state.raw<string | undefined>(undefined);
  /** The one alarm of it that they act on; undefined: all of it. */
  member = $state.raw<string | undefined>(undefined);
  #held = $state.raw<{ items: string[]; lines: ReadonlySet<string> } | undefined>(undefined);
  #release: ReturnType<typeof setTimeout> | undefined;
  #seen: string | undefined; // an alarm of the current incident, should the hub regroup

  all = $derived.by(() => (void this.#version(), incidents(this.#model.incidents, this.#model.alarms.values())));
  /** What really happens and is open, in order. */
  items = $derived(queue(this.all.filter((i) => !i.drill)));
  drills = $derived(queue(this.all.filter((i) => i.drill)));
  shelved = $derived.by(() => (void this.#version(), aside(this.#model.incidents, this.#model.alarms.values(), 'shelved')));
  out = $derived.by(() => (void this.#version(), aside(this.#model.incidents, this.#model.alarms.values(), 'out')));
  kpis = $derived(kpis(this.all, now()));

  #capped = $derived.by(() => (this.#flooded() && !this.whole ? floodCap(this.items, floodLines, this.current) : { shown: this.items, folded: [] }));
  folded = $derived(this.#capped.folded);
  listed = $derived.by(() => {
    if (this.list === 'shelved') return this.shelved;
    return this.list === 'out' ? this.out : [...this.#capped.shown, ...this.drills];
  });

  /** The lines as they stand: while the order rests, what is new comes below. */
  lines = $derived.by(() => this.#rows(this.#held ? hold(this.#held.items, this.listed) : this.listed, this.#held?.lines));

  item = $derived.by(() => this.#find());
  alarm = $derived.by((): Alarm | undefined => {
    void this.#version();
    const id = this.member ?? this.item?.root;
    return id === undefined ? undefined : this.#model.alarms.get(id);
  });

  /** What is selected: the incident, or the one alarm of it. */
  subject = $derived<Alarm | Incident | undefined>(this.member === undefined ? this.item : this.alarm);

  /** version changes with the alarms; flooded tells whether the queue is to be short. */
  constructor(model: Model, version: () => number, flooded: () => boolean) {
    this.#model = model;
    this.#version = version;
    this.#flooded = flooded;
  }

  /** Nothing moves under the pointer: the order rests for a moment after each movement over the list. */
  rest(): void {
    this.#held ??= { items: this.listed.map((i) => i.id), lines: new Set(this.lines.map((r) => r.id)) };
    clearTimeout(this.#release);
    this.#release = setTimeout(() => (this.#held = undefined), restFor);
  }

  /** Shows another list; what it does not have is no longer selected, so that no key acts on it unseen. */
  show(list: List): void {
    this.list = list;
    this.#held = undefined;
    if (this.listed.some((i) => i.id === this.current)) return;
    this.member = undefined;
    this.current = this.listed[0]?.id;
  }

  /** Shows all of a flood's lines, or the first of them. */
  showWhole(on: boolean): void {
    this.whole = on;
    this.#held = undefined;
  }

  /** The lines of some incidents, with the alarms of those that are unfolded; only limits these to what was there. */
  #rows(items: readonly Incident[], only?: ReadonlySet<string>): Row[] {
    return items.flatMap((item): Row[] => {
      const row = { id: item.id, item };
      if (!this.unfolded.has(item.id) || item.alarms < 2) return [row];
      const of = this.#members(item).map((alarm) => ({ id: lineOf(item, alarm), item, alarm }));
      return [row, ...of.filter((r) => !only || only.has(r.id))];
    });
  }

  /** The alarms of an incident; of one that is put aside, those that are. */
  #members(i: Incident): Alarm[] {
    void this.#version();
    return members(this.#model.alarms.values(), i.id, i.root, this.list === 'shelved' || this.list === 'out' ? this.list : undefined);
  }

  /** What an action is for: the alarm that was chosen, else the incident; one that the hub has not told of is its alarm. */
  target(): Target | undefined {
    const i = this.item;
    if (!i) return undefined;
    if (this.member !== undefined) return { kind: 'alarms', id: this.member };
    return this.#model.incidents.has(i.id) ? { kind: 'incidents', id: i.id } : { kind: 'alarms', id: i.root };
  }

  /** What the screen shows of the chosen incident: what joined it since is not acknowledged unseen. */
  seen(): { seen_at?: string } {
    const whole = this.list === 'open' && this.target()?.kind === 'incidents'; // what is put aside shows a part
    return whole && this.item?.last_at ? { seen_at: this.item.last_at } : {};
  }

  select(id: string, member?: string): void {
    this.current = id;
    this.member = member;
    this.#seen = member ?? this.all.find((i) => i.id === id)?.root;
  }

  /** Selects the incident of an alarm, and of many alarms this one. */
  selectAlarm(id: string): void {
    const a = this.#model.alarms.get(id);
    if (!a) return;
    const i = this.all.find((x) => x.id === incidentOf(a));
    this.select(incidentOf(a), i && i.alarms > 1 && i.root !== id ? id : undefined);
  }

  /** The line that is selected. */
  get line(): string | undefined {
    return this.member === undefined ? this.current : `${this.current} ${this.member}`;
  }

  /** Moves the selection over the lines as they stand. */
  step(by: number): void {
    const i = this.lines.findIndex((r) => r.id === this.line);
    const next = this.lines[i < 0 ? 0 : Math.min(this.lines.length - 1, Math.max(0, i + by))];
    if (next) this.select(next.item.id, next.alarm?.id);
  }

  unfold(id: string, open = !this.unfolded.has(id)): void {
    const next = new Set(this.unfolded);
    if (open) next.add(id);
    else next.delete(id);
    this.unfolded = next;
    this.#held = undefined;
    if (!open && this.current === id) this.member = undefined;
  }

  #find(): Incident | undefined {
    void this.#version();
    const id = this.current;
    if (id === undefined) return undefined;
    return this.listed.find((i) => i.id === id) ?? this.all.find((i) => i.id === id) ?? this.#moved();
  }

  /** The hub put the alarm into another incident meanwhile. */
  #moved(): Incident | undefined {
    const a = this.#seen === undefined ? undefined : this.#model.alarms.get(this.#seen);
    const id = a && incidentOf(a);
    return id === undefined ? undefined : this.all.find((i) => i.id === id);
  }
}
