import { call, get, post } from '../../kit/api';
import { explain } from '../../kit/errors';
import type { Replay } from './types';

const day = 86_400_000;
const beat = 500; // ms between two looks at the progress

/** Rules played over the past: started, watched, called off. */
export class Replaying {
  run = $state.raw<Replay | undefined>(undefined);
  days = $state(1);
  busy = $state(false);
  trouble = $state('');
  /** The texts that it was started with. */
  of = $state('');

  readonly #pause: (ms: number) => Promise<void>;

  constructor(pause = (ms: number) => new Promise<void>((r) => setTimeout(r, ms))) {
    this.#pause = pause;
  }

  get progress(): number {
    return Math.min(1, Math.max(0, this.run?.progress ?? 0));
  }

  async start(files: Record<string, string>, of: string, days: number): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.trouble = '';
    this.run = undefined;
    this.of = of;
    this.days = days;
    try {
      const { id } = await post<{ id: string }>('/rules/replay', { files, since: new Date(Date.now() - days * day).toISOString() });
      await this.#watch(id);
    } catch (err) {
      this.trouble = explain(err);
    } finally {
      this.busy = false;
    }
  }

  /** Calls it off; the hub keeps nothing of it. */
  async cancel(): Promise<void> {
    const r = this.run;
    if (!r || !this.busy) return;
    this.run = { ...r, state: 'cancelled' };
    try {
      await call('DELETE', `/rules/replays/${encodeURIComponent(r.id)}`);
    } catch (err) {
      this.trouble = explain(err);
    }
  }

  async #watch(id: string): Promise<void> {
    const path = `/rules/replays/${encodeURIComponent(id)}`;
    this.run = { id, state: 'running', progress: 0 };
    for (;;) {
      const r = await get<Replay>(path);
      if (this.run?.state === 'cancelled') return;
      this.run = r;
      if (r.state === 'failed') this.trouble = r.error ?? '';
      if (r.state !== 'running') return;
      await this.#pause(beat);
      if (this.#over()) return;
    }
  }

  #over(): boolean {
    return this.run?.state === 'cancelled';
  }
}
