import { isUnacked, kpis, queue, rank } from '../kit/alarms';
import { all, ApiError, get, newKey, post } from '../kit/api';
import { Model } from '../kit/model';
import { notices } from '../kit/notices.svelte';
import { now } from '../kit/now.svelte';
import { session } from '../kit/session.svelte';
import { recall, remember } from '../kit/stored';
import { Stream, type LinkState } from '../kit/stream';
import { Tone } from '../kit/tone';
import type { Alarm, Camera, Command, Device, Incident, Opening, Page, Procedure, Zone } from '../kit/types';
import { explain, whyNot } from '../kit/errors';
import { byName } from '../kit/format';
import { WallState } from './wall.svelte';

/** What the inspector shows instead of the current alarm. */
export type Selection = { kind: 'device' | 'camera'; id: string } | undefined;
export type Loading = 'loading' | 'ready' | 'failed';

const stillFor = 3000; // ms without a key or click
const topics = ['alarm', 'device', 'twin', 'camera', 'command', 'broadcast', 'badge', 'order'];

/** The state of the dispatch screen: the model, what is selected, what is open. */
export class Desk {
  readonly model = new Model();
  readonly wall = new WallState((id) => this.#held(id), (id) => this.#stands(id));
  readonly tone = new Tone();

  loading = $state<Loading>('loading');
  trouble = $state('');
  link = $state<LinkState>('connecting');
  linkSince = $state(Date.now());
  sound = $state(recall('sound', true));
  audible = $state(false);
  /** The alarm that the keys act on. */
  current = $state.raw<string | undefined>(undefined);
  selected = $state.raw<Selection>(undefined);
  zones = $state.raw<Zone[]>([]);
  incidents = $state.raw<Incident[] | undefined>(undefined);
  procedures = $state.raw<Map<string, Procedure>>(new Map());
  /** The alarm that the live region reads out. */
  announced = $state.raw<Alarm | undefined>(undefined);

  // The model changes up to hundreds of times a second; the screen follows it a
  // few times a second, alarms at once but a burst of them together.
  #alarms = $state.raw(0);
  #rest = $state.raw(0);
  #twins = $state.raw(0); // readings only: what stands on the plan stays as it is
  #dirty = false;
  #alarmed = false;
  #flush: ReturnType<typeof setTimeout> | undefined;
  #stream: Stream;
  #touched = 0; // when the operator last did something

  queue = $derived.by(() => (void this.#alarms, queue(this.model.alarms.values())));
  kpis = $derived.by(() => (void this.#alarms, kpis(this.model.alarms.values(), now())));
  devices = $derived.by(() => (void this.#rest, [...this.model.devices.values()]));
  cameras = $derived.by(() => (void this.#rest, [...this.model.cameras.values()].sort((a, b) => (a.id < b.id ? -1 : 1))));
  online = $derived(this.devices.reduce((n, d) => n + Number(d.online), 0));
  alarm = $derived.by(() => (void this.#alarms, this.current === undefined ? undefined : this.model.alarms.get(this.current)));
  device = $derived.by(() => (void this.#rest, void this.#twins, this.selected?.kind === 'device' ? this.model.devices.get(this.selected.id) : undefined));
  camera = $derived.by(() => (void this.#rest, this.selected?.kind === 'camera' ? this.model.cameras.get(this.selected.id) : undefined));

  #zoneById = $derived(new Map(this.zones.map((z) => [z.id, z])));

  constructor() {
    this.tone.on = this.sound;
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
    const kick = () => this.#stream.kick();
    addEventListener('online', kick);
    return () => {
      removeEventListener('online', kick);
      this.#stream.stop();
      this.tone.stop();
    };
  }

  /** Loads every list. What the stream says meanwhile wins. */
  async load(): Promise<void> {
    const m = this.model;
    const since = m.mark();
    try {
      const [zones, open, recent, devices, cameras] = await Promise.all([
        all<Zone>('/zones'),
        all<Alarm>('/alarms?state=open', 2000, 200),
        all<Alarm>('/alarms?state=all', 200, 200),
        all<Device>('/devices', 20_000, 1000),
        all<Camera>('/cameras'),
      ]);
      this.zones = zones;
      m.load(m.alarms, [...recent, ...open], since);
      m.load(m.devices, byName(devices), since);
      m.load(m.cameras, cameras, since);
      this.loading = 'ready';
      this.trouble = '';
      this.wall.known([...m.cameras.keys()].sort());
      this.#dirty = this.#alarmed = true;
      this.#draw();
      this.#bringStanding();
    } catch (err) {
      this.trouble = explain(err);
      if (this.loading === 'loading') this.loading = 'failed';
      if (err instanceof ApiError && err.status === 401) return;
      setTimeout(() => void this.load(), 4000);
    }
    void this.#extras();
  }

  /** The card for an alarm: its own, or the one it names. */
  procedure(a: Alarm): Procedure | undefined {
    return typeof a.procedure === 'string' ? this.procedures.get(a.procedure) : (a.procedure ?? undefined);
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

  badges(door: string) {
    void this.#rest;
    return this.model.badges.filter((b) => b.door === door);
  }

  select(s: Selection): void {
    this.selected = s;
  }

  selectAlarm(id: string): void {
    this.current = id;
    this.selected = undefined;
    void this.#card(this.model.alarms.get(id)?.procedure);
    void this.#detail(id);
  }

  /** Moves the selection in the queue. */
  step(by: number): void {
    const q = this.queue;
    if (q.length === 0) return;
    const i = q.findIndex((a) => a.id === this.current);
    const next = q[i < 0 ? 0 : Math.min(q.length - 1, Math.max(0, i + by))];
    if (next) this.selectAlarm(next.id);
  }

  /**
   * Acts on an alarm; the answer or the stream brings the new state. refused hears
   * why it was not done; without it a notice tells.
   */
  async act(id: string, what: 'ack' | 'assign' | 'comment' | 'close', body: Record<string, string> = {}, refused?: (why: string) => void): Promise<boolean> {
    try {
      const a = await post<Alarm | undefined>(`/alarms/${encodeURIComponent(id)}/${what}`, body);
      if (a?.id) this.#event('alarm', { ...a, change: what });
      else await this.#detail(id);
      return true;
    } catch (err) {
      const why = whyNot(err, this.model.alarms.get(id));
      if (refused) refused(why);
      else notices.say(why, 'bad', 9000);
      return false;
    }
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

  setSound(on: boolean): void {
    this.sound = this.tone.on = on;
    remember('sound', on);
    this.unlockSound();
  }

  /** The operator did something; browsers allow sound from then on. */
  touched(): void {
    this.#touched = Date.now();
    if (!this.audible) this.unlockSound();
  }

  unlockSound(): void {
    this.tone.unlock();
    setTimeout(() => (this.audible = this.tone.ready), 100);
  }

  async #detail(id: string): Promise<void> {
    try {
      const since = this.model.mark();
      const a = await get<Alarm>(`/alarms/${encodeURIComponent(id)}`);
      const newer = this.model.mark() !== since ? this.model.alarms.get(id) : undefined;
      this.model.alarms.set(id, { ...a, ...(newer?.seq !== undefined && newer.seq > (a.seq ?? 0) ? newer : {}), journal: a.journal });
      this.#alarms++;
    } catch {
      // what is known of it stays on the screen
    }
  }

  /** What not every hub has: the demonstration's incidents. */
  async #extras(): Promise<void> {
    try {
      this.incidents = (await get<Page<Incident>>('/demo/incidents')).items ?? [];
    } catch {
      this.incidents = undefined;
    }
  }

  /** Loads the card that an alarm names, once. */
  async #card(p: Alarm['procedure']): Promise<void> {
    if (typeof p !== 'string' || !p || this.procedures.has(p)) return;
    try {
      const card = await get<Procedure>(`/procedures/${encodeURIComponent(p)}`);
      this.procedures = new Map(this.procedures).set(p, card);
    } catch {
      // without its card the alarm still has its actions
    }
  }

  #linked(s: LinkState, since: number): void {
    const back = s === 'live' && this.link === 'down' && this.loading === 'failed';
    this.link = s;
    this.linkSince = since;
    if (back) void this.load();
  }

  #event(topic: string, data: unknown): void {
    const fresh = this.model.apply(topic, data);
    this.#dirty ||= topic !== 'alarm' && topic !== 'twin';
    if (topic !== 'alarm') {
      this.#flush ??= setTimeout(() => this.#draw(), topic === 'twin' ? 250 : 120);
      return;
    }
    const a = data as Alarm;
    if (!this.#alarmed) {
      this.#alarmed = true;
      clearTimeout(this.#flush); // an alarm does not wait for anything
      this.#flush = setTimeout(() => this.#draw());
    }
    if (this.current === a.id && !a.journal) void this.#detail(a.id);
    if (fresh) this.#new(fresh);
  }

  #new(a: Alarm): void {
    this.announced = a;
    if (!a.silent) this.tone.announce(a.priority);
    if (a.priority === 'critical') this.showCameras(a);
    else if (a.priority === 'high') this.#lookAt(a);
    if (!this.alarm) this.selectAlarm(a.id);
    else if (a.priority === 'critical') this.#offer(a.id);
  }

  /**
   * A high alarm gets its picture too, unless an alarm that nobody has acknowledged
   * has the large tile: what the operator is looking at stays where it is.
   */
  #lookAt(a: Alarm): void {
    const first = this.wall.slots[0]?.alarm;
    const there = first === undefined ? undefined : this.model.alarms.get(first);
    if (!there || !isUnacked(there)) this.showCameras(a);
  }

  /** Selects a critical alarm over a lesser one, once the operator's hands are still. */
  #offer(id: string): void {
    const a = this.model.alarms.get(id);
    const now = this.alarm;
    if (!a || !isUnacked(a) || (now && isUnacked(now) && rank(now.priority) <= rank(a.priority))) return;
    const still = Date.now() - this.#touched;
    if (still >= stillFor) this.selectAlarm(id);
    else setTimeout(() => this.#offer(id), stillFor - still);
  }

  /** After loading: an unacknowledged critical alarm that began before the page did. */
  #bringStanding(): void {
    const first = this.queue[0];
    if (!first) return;
    if (!this.alarm) this.selectAlarm(first.id);
    if (first.priority === 'critical' && isUnacked(first)) this.showCameras(first);
  }

  #resound(): void {
    this.tone.pending(this.queue.find((a) => isUnacked(a) && !a.silent)?.priority);
  }

  /** The current alarm, and one so young that the operator may be looking at it. */
  #held(alarm: string): boolean {
    const a = this.model.alarms.get(alarm);
    return !!a && isUnacked(a) && (alarm === this.current || Date.now() - Date.parse(a.raised_at) < 60_000);
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
    if (this.#alarmed) {
      this.#alarms++;
      this.wall.release();
      this.#resound();
    }
    this.#dirty = this.#alarmed = false;
  }
}
