import { get } from '../kit/api';
import type { Alarm, Clip, Explanation, Incident, IncidentEntry, Page, Progress } from '../kit/types';

/** What of an incident is loaded beyond what the lists say. */
type Part = 'incident' | 'alarm' | 'progress' | 'why' | 'clips';

const settle = 150; // ms on an incident before its details are asked for: J and K run through many
const pause = 1500; // ms between two loads of one thing, however often it changes

/** The details of the incident that is looked at, followed as it changes. */
export class Details {
  incident = $state.raw<Incident | undefined>(undefined);
  alarm = $state.raw<Alarm | undefined>(undefined);
  progress = $state.raw<Progress | undefined>(undefined);
  why = $state.raw<Explanation | undefined>(undefined);
  clips = $state.raw<Clip[]>([]);

  #incident = '';
  #alarm = '';
  #due = new Map<Part, ReturnType<typeof setTimeout>>();
  #last = new Map<Part, number>();

  /** The time line: of an incident with many alarms all of it, else the alarm's journal. */
  log(whole: boolean): IncidentEntry[] {
    const lines = (whole ? this.incident?.timeline : undefined) ?? this.alarm?.journal ?? [];
    return [...lines].reverse();
  }

  /** Looks at an alarm, and at its incident where the hub knows one. */
  look(incident: string, of: Alarm | undefined): void {
    const alarm = of?.id ?? '';
    if (incident !== this.#incident) {
      this.#incident = incident;
      this.incident = undefined;
      this.#forget('incident');
      if (incident) this.#soon('incident', settle);
    }
    if (alarm === this.#alarm) return;
    this.#alarm = alarm;
    this.alarm = this.progress = this.why = undefined;
    this.clips = [];
    for (const part of ['alarm', 'progress', 'why', 'clips'] as const) {
      this.#forget(part);
      if (alarm && (part !== 'progress' || of?.procedure)) this.#soon(part, settle);
    }
  }

  /** Something happened; what it concerns is loaded again. */
  changed(topic: string, x: { id: string; change?: string }): void {
    if (topic === 'incident' && x.id === this.#incident) this.#soon('incident');
    if (topic !== 'alarm' || x.id !== this.#alarm) return;
    this.#soon('alarm');
    if (this.#incident) this.#soon('incident');
    if (x.change === 'step') this.#soon('progress', 0);
    if (x.change === 'raise' || x.change?.startsWith('action')) {
      this.#soon('why');
      this.#soon('clips');
    }
  }

  /** The hub's answer to a tick; newer than what is being loaded. */
  ticked(p: Progress): void {
    this.#forget('progress');
    this.progress = p;
  }

  #soon(part: Part, least?: number): void {
    const since = Date.now() - (this.#last.get(part) ?? 0);
    const wait = least ?? Math.max(0, pause - since);
    if (!this.#due.has(part)) this.#due.set(part, setTimeout(() => void this.#load(part), wait));
  }

  #forget(part: Part): void {
    clearTimeout(this.#due.get(part));
    this.#due.delete(part);
    this.#last.set(part, 0);
  }

  async #load(part: Part): Promise<void> {
    this.#due.delete(part);
    this.#last.set(part, Date.now());
    const [incident, alarm] = [this.#incident, this.#alarm];
    const id = encodeURIComponent(alarm);
    try {
      if (part === 'incident') {
        const x = await get<Incident>(`/incidents/${encodeURIComponent(incident)}`);
        if (incident === this.#incident) this.incident = x;
        return;
      }
      const x = await get(part === 'clips' ? `/clips?alarm=${id}` : `/alarms/${id}${paths[part]}`);
      if (alarm === this.#alarm) this.#take(part, x);
    } catch {
      // what the lists say of it stays on the screen
    }
  }

  #take(part: Exclude<Part, 'incident'>, x: unknown): void {
    if (part === 'alarm') this.alarm = x as Alarm;
    else if (part === 'progress') this.progress = x as Progress;
    else if (part === 'why') this.why = x as Explanation;
    else this.clips = (x as Page<Clip>).items ?? [];
  }
}

const paths = { alarm: '', progress: '/procedure', why: '/explain' } as const;
