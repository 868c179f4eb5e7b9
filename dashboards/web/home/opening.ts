import { ApiError, get, newKey, post } from '../kit/api';
import type { Command, Opening } from '../kit/types';

export type Outcome = 'opened' | 'sent' | 'failed';

const pollEvery = 350;
const patience = 8_000;

const final = (c: Partial<Command> | undefined): Outcome | undefined =>
  c?.status === 'done' ? 'opened' : c?.status === 'failed' || c?.status === 'expired' ? 'failed' : undefined;

const pause = (ms: number) => new Promise((r) => setTimeout(r, ms));

/** Opens one's door and waits until the door has said what became of it. prove has the
 * phone prove itself first, for doors that ask for it. */
export async function open(door: string, wait: (ms: number) => Promise<unknown> = pause, prove?: () => Promise<unknown>): Promise<Outcome> {
  const body = prove ? { proof: await prove() } : undefined;
  const o = await post<Opening>(`/home/doors/${encodeURIComponent(door)}/open`, body, { key: newKey() });
  let c: Partial<Command> | undefined = typeof o?.command === 'object' ? o.command : o;
  const id = c?.id ?? (typeof o?.command === 'string' ? o.command : undefined);
  for (let waited = 0; waited < patience; waited += pollEvery) {
    const end = final(c);
    if (end) return end;
    if (!id) return 'sent';
    await wait(pollEvery);
    try {
      c = await get<Command>(`/home/commands/${encodeURIComponent(id)}`);
    } catch (err) {
      if (err instanceof ApiError && (err.status === 404 || err.status === 403)) return 'sent'; // this hub does not tell
      if (!(err instanceof ApiError && err.status === 0)) throw err;
    }
  }
  return 'failed';
}
