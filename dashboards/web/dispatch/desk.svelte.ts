import { tick } from 'svelte';
import { rank, type Kpis } from '../kit/alarms';
import { all, ApiError, get, newKey, post } from '../kit/api';
import { explain, whyNot } from '../kit/errors';
import { byName } from '../kit/format';
import { t } from '../kit/i18n.svelte';
import { Loaded } from '../kit/loaded.svelte';
import { Model } from '../kit/model';
import { notices } from '../kit/notices.svelte';
import { session } from '../kit/session.svelte';
import { Stream, type LinkState } from '../kit/stream';
import type { Alarm, Broadcast, Camera, Command, DemoIncident, Device, Drill, Flood, Incident, IncidentDone, Opening, OutOfService, Page, Zone, Order } from '../kit/types';
import { Attention } from './attention.svelte';
import { Details } from './details.svelte';
import { DoorBook } from './doors.svelte';
import { FloodWatch } from './flood.svelte';
import { QueueState, type List, type Target } from './queue.svelte';
import { WallState } from './wall.svelte';

/** What the inspector shows instead of the current incident. */
export type Selection = { kind: 'device' | 'camera'; id: string } | undefined;
export type Loading = 'loading' | 'ready' | 'failed';
/** What an operator does about an incident or an alarm. */
export type Deed = 'ack' | 'assign' | 'shelve' | 'unshelve' | 'comment' | 'close';

const topics = ['alarm', 'incident', 'flood', 'device', 'twin', 'camera', 'command', 'broadcast', 'badge', 'order', 'door', 'rung', 'muster'];

/** The state of the dispatch screen: the model, what is selected, what is open. */
export class Desk {
  readonly model = new Model();
  readonly attention: Attention = new Attention({
    alarms: () => this.model.alarms,
    large: () => this.wall.slots[0]?.alarm,
    showCameras: (a) => this.showCameras(a),
    selectAlarm: (id) => this.selectAlarm(id),
    current: () => this.alarm,
  });
  readonly wall = new WallState((id) => this.attention.holds(id), (id) => this.#stands(id));
  readonly flood = new FloodWatch();
  readonly queue = new QueueState(this.model, () => this.#alarms, () => this.flood.active);
  readonly details = new Details();
  readonly doors = new DoorBook();
  readonly drills = new Loaded<Drill>('/drills');
  readonly maintenance = new Loaded<OutOfService>('/out-of-service');

  loading = $state<Loading>('loading');
  trouble = $state('');
  link = $state<LinkState>('connecting');
  linkSince = $state(Date.now());
  selected = $state.raw<Selection>(undefined);
  zones = $state.raw<Zone[]>([]);
  demos = $state.raw<DemoIncident[] | undefined>(undefined);

  // The model changes up to hundreds of times a second; the screen follows it a
  // few times a second, an alarm at once but a burst of them together.
  #alarms = $state.raw(0);
  #rest = $state.raw(0);
  #twins = $state.raw(0); // readings only: what stands on the plan stays as it is
  #dirty = false;
  #alarmed = false;
  #flush: ReturnType<typeof setTimeout> | undefined;
  #drawn = 0; // when the alarms were drawn last
  #cost = 0; // ms that it took
  #stream: Stream;

  devices = $derived.by(() => (void this.#rest, [...this.model.devices.values()]));
  cameras = $derived.by(() => (void this.#rest, [...this.model.cameras.values()].sort((a, b) => (a.id < b.id ? -1 : 1))));
  online = $derived(this.devices.reduce((n, d) => n + Number(d.online), 0));
  device = $derived.by(() => (void this.#rest, void this.#twins, this.selected?.kind === 'device' ? this.model.devices.get(this.selected.id) : undefined));
  camera = $derived.by(() => (void this.#rest, this.selected?.kind === 'camera' ? this.model.cameras.get(this.selected.id) : undefined));

  #zoneById = $derived(new Map(this.zones.map((z) => [z.id, z])));

  constructor() {
    this.#stream = new Stream({
      url: '/api/v1/stream',
      topics,
      event: (topic, data) => this.#event(topic, data),
      reset: () => void this.load(),
      state: (s, since) => this.#linked(s, since),
      denied: () => (session.user = null),
    });
  }

  start(): () => void {
    this.#stream.start();
    void this.load();
    const dry = this.flood.start();
    const kick = () => this.#stream.kick();
    addEventListener('online', kick);
    return () => {
      removeEventListener('online', kick);
      dry();
      this.#stream.stop();
      this.attention.tone.stop();
    };
  }

  /** Loads every list. What the stream says meanwhile wins. */
  async load(): Promise<void> {
    const m = this.model;
    const since = m.mark();
    try {
      const [zones, open, recent, groups, before, devices, cameras] = await Promise.all([
        all<Zone>('/zones'),
        all<Alarm>('/alarms?state=open', 20_000, 500),
        all<Alarm>('/alarms?state=all', 200, 200),
        all<Incident>('/incidents?state=open', 20_000, 200),
        all<Incident>('/incidents?state=all', 200, 200),
        all<Device>('/devices', 20_000, 1000),
        all<Camera>('/cameras'),
      ]);
      this.zones = zones;
      m.load(m.alarms, [...recent, ...open], since);
      m.load(m.incidents, [...before, ...groups], since);
      m.load(m.devices, byName(devices), since);
      m.load(m.cameras, cameras, since);
      this.loading = 'ready';
      this.trouble = '';
      this.wall.known([...m.cameras.keys()].sort());
      this.#dirty = this.#alarmed = true;
      this.#draw();
      this.attention.standing(this.queue.items[0]);
    } catch (err) {
      this.trouble = explain(err);
      if (this.loading === 'loading') this.loading = 'failed';
      if (err instanceof ApiError && err.status === 401) return;
      setTimeout(() => void this.load(), 4000);
    }
    void this.#extras();
  }

  /** The alarm that the keys act on: of an incident its root, or the one that was chosen. */
  get alarm(): Alarm | undefined {
    return this.queue.alarm;
  }

  get kpis(): Kpis<Incident> {
    return this.queue.kpis;
  }

  /** An alarm as it is now; what reads it is drawn again when alarms change. */
  alarmOf(id: string | undefined): Alarm | undefined {
    void this.#alarms;
    return id === undefined ? undefined : this.model.alarms.get(id);
  }

  zone(id: string | undefined): Zone | undefined {
    return id === undefined ? undefined : this.#zoneById.get(id);
  }

  command(id: string | undefined): Command | undefined {
    void this.#rest;
    return id === undefined ? undefined : this.model.commands.get(id);
  }

  /** The commands of a device that this screen has heard of, newest first. */
  commandsOf(device: string): Command[] {
    void this.#rest;
    return [...this.model.commands.values()].filter((c) => c.device === device).reverse();
  }

  broadcast(id: string | undefined) {
    void this.#rest;
    return id === undefined ? undefined : this.model.broadcasts.get(id);
  }

  /** A work order, without its photos. */
  order(id: string): Order | undefined {
    void this.#rest;
    return this.model.orders.get(id);
  }

  /** What may still be heard, the most urgent first. */
  onAir(): Broadcast[] {
    void this.#rest;
    return [...this.model.broadcasts.values()].filter((b) => b.open).sort((a, b) => (a.priority ?? 9) - (b.priority ?? 9) || Date.parse(b.at ?? '') - Date.parse(a.at ?? '') || 0);
  }

  badges(door: string) {
    void this.#rest;
    return this.model.badges.filter((b) => b.door === door);
  }

  select(s: Selection): void {
    this.selected = s;
  }

  selectAlarm(id: string): void {
    this.queue.selectAlarm(id);
    this.#inspect();
  }

  /** Moves the selection in the queue. */
  step(by: number): void {
    this.queue.step(by);
    this.#inspect();
  }

  /** Shows another list of the queue. */
  list(list: List): void {
    this.queue.show(list);
    this.#inspect();
  }

  /** Selects a line of the queue. */
  choose(incident: string, alarm?: string): void {
    this.queue.select(incident, alarm);
    this.#inspect();
  }

  #inspect(): void {
    this.selected = undefined;
    this.#look();
  }

  /** Follows the details of what is selected in the queue. */
  #look(): void {
    const i = this.queue.item;
    this.details.look(i && this.model.incidents.has(i.id) ? i.id : '', this.alarm);
  }

  /**
   * Acts on an incident or on one alarm; the answer or the stream brings the new
   * state. Answers why it was not done, or nothing.
   */
  async act(to: Target, what: Deed, body: Record<string, unknown> = {}): Promise<string> {
    try {
      const x = await post<Alarm | IncidentDone | undefined>(`/${to.kind}/${encodeURIComponent(to.id)}/${what}`, body);
      if (x?.id) this.#answer(to.kind, x, what);
      return '';
    } catch (err) {
      return whyNot(err, this.alarm);
    }
  }

  /** The same for an action without a dialog: a notice tells of a refusal. */
  async perform(what: Deed): Promise<void> {
    const to = this.queue.target();
    const why = to && (await this.act(to, what, what === 'ack' ? this.queue.seen() : {}));
    if (why) notices.say(why, 'bad', 9000);
  }

  /** Sends a command and returns its id; its progress comes by the stream. */
  async send(path: string, body: unknown): Promise<string | undefined> {
    try {
      const o = await post<Opening>(path, body, { key: newKey() });
      const c = typeof o?.command === 'object' ? o.command : o;
      if (c?.id && c.status && !this.model.commands.has(c.id)) this.#event('command', c);
      return c?.id ?? (o?.command as string | undefined);
    } catch (err) {
      notices.fail(err);
      return undefined;
    }
  }

  /** Shows an alarm's cameras in front. */
  showCameras(a: Alarm): void {
    const known = (a.cameras ?? []).filter((c) => this.model.cameras.has(c));
    if (!known.length) return;
    this.wall.bring(a.id, known, (other) => {
      const there = this.model.alarms.get(other);
      return !!there && rank(there.priority) > rank(a.priority);
    });
  }

  /** What an action answered is as good as what the stream will say. */
  #answer(kind: Target['kind'], x: Alarm | IncidentDone, change: string): void {
    this.#event(kind === 'alarms' ? 'alarm' : 'incident', { ...x, change });
    const [first, ...more] = (x as IncidentDone).refused ?? [];
    if (first) notices.say(t('act.refused', { n: more.length + 1, why: explain(new ApiError(409, first.code, first.detail)) }), 'bad', 9000);
  }

  /** What the screen can start without, and what not every hub has: the demonstration's incidents. */
  async #extras(): Promise<void> {
    void this.drills.load();
    void this.maintenance.load();
    this.doors.load();
    try {
      this.demos = (await get<Page<DemoIncident>>('/demo/incidents')).items ?? [];
    } catch {
      this.demos = undefined;
    }
  }

  #linked(s: LinkState, since: number): void {
    const back = s === 'live' && this.link === 'down' && this.loading === 'failed';
    this.link = s;
    this.linkSince = since;
    if (back) void this.load();
  }

  #event(topic: string, data: unknown): void {
    if (topic === 'flood') return this.#flooded(data as Flood);
    if (topic === 'door' || topic === 'rung' || topic === 'muster') return this.doors.event(topic, data);
    this.model.apply(topic, data);
    if (topic !== 'alarm' && topic !== 'incident') {
      this.#dirty ||= topic !== 'twin';
      this.#flush ??= setTimeout(() => this.#draw(), topic === 'twin' ? 250 : 120);
      return;
    }
    const x = data as Alarm;
    this.#soon();
    this.details.changed(topic, x);
    if (topic === 'alarm' && x.annunciate) this.attention.call(this.model.alarms.get(x.id) ?? x);
    if (topic === 'incident' && x.drill && (x.change === 'raise' || x.change === 'close')) void this.drills.load();
  }

  /** An alarm does not wait; in a burst the next drawing leaves the hands room to click. */
  #soon(): void {
    if (this.#alarmed) return;
    this.#alarmed = true;
    clearTimeout(this.#flush);
    const rest = Math.max(100, 4 * this.#cost) - (performance.now() - this.#drawn);
    this.#flush = setTimeout(() => this.#draw(), Math.max(0, rest));
  }

  /** At the end of a flood the operator is called once to what was held back. */
  #flooded(f: Flood): void {
    this.flood.apply(f);
    if (f.annunciate) this.attention.tone.announce(this.queue.kpis.worst ?? 'medium');
  }

  #stands(alarm: string): boolean {
    const a = this.model.alarms.get(alarm);
    return !!a && !a.closed_at && a.state !== 'normal';
  }

  #draw(): void {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    this.#twins++;
    if (this.#dirty) this.#rest++;
    if (this.#alarmed) this.#drawAlarms();
    this.#dirty = this.#alarmed = false;
  }

  #drawAlarms(): void {
    const began = performance.now();
    this.#alarms++;
    this.wall.release();
    this.attention.repeat();
    const first = this.queue.listed[0];
    if (!this.queue.item && first) this.queue.select(first.id); // an empty hand takes the first
    if (!this.selected) this.#look();
    void tick().then(() => {
      this.#drawn = performance.now();
      this.#cost = this.#drawn - began;
    });
  }
}
