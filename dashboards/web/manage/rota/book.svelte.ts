import { all, call, get, post } from '../../kit/api';
import { explain } from '../../kit/errors';
import { byName } from '../../kit/format';
import { notices } from '../../kit/notices.svelte';
import { Answer } from '../answer.svelte';
import { mayWrite } from '../may';
import type { CallList, ChannelType, Contacts, Delivery, OnDuty, Override, Person, Policy, RotaBook, Shift } from './types';

/** Who is on duty when, whom the hub calls, and by which way it reaches them. */
export class Book {
  readonly rota = new Answer<RotaBook>(() => get<RotaBook>('/rota'));
  readonly duty = new Answer<OnDuty>(() => get<OnDuty>('/rota/on-duty'));
  readonly policies = new Answer<Policy[]>(() => all<Policy>('/escalations/policies'));
  readonly channels = new Answer<ChannelType[]>(() => all<ChannelType>('/notify/channels'));
  readonly deliveries = new Answer<Delivery[]>(async () => (await get<{ items: Delivery[] | null }>('/notify/deliveries?limit=100')).items ?? []);

  readonly shifts = $derived.by((): Shift[] => this.rota.value?.shifts ?? []);
  readonly overrides = $derived.by((): Override[] => this.rota.value?.overrides ?? []);
  /** Everybody who can be on a shift or be called. */
  readonly people = $derived.by((): Person[] => byName(this.rota.value?.people ?? []));
  readonly lists = $derived.by((): CallList[] => this.rota.value?.lists ?? []);

  load(): void {
    for (const x of [this.rota, this.duty, this.policies, this.channels, this.deliveries]) void x.load();
  }

  /** Each of these answers why not, or nothing when it is done. */
  saveShifts(shifts: Shift[]): Promise<string> {
    return this.#do(() => call('PUT', '/rota/shifts', { shifts }), this.rota, this.duty);
  }
  addOverride(o: Omit<Override, 'id'>): Promise<string> {
    return this.#do(() => post('/rota/overrides', o), this.rota, this.duty);
  }
  async dropOverride(id: string): Promise<void> {
    const why = await this.#do(() => call('DELETE', `/rota/overrides/${encodeURIComponent(id)}`), this.rota, this.duty);
    if (why) notices.say(why, 'bad', 9000);
  }
  savePolicy(p: Policy): Promise<string> {
    return this.#do(() => call('PUT', `/escalations/policies/${encodeURIComponent(p.name)}`, p), this.policies);
  }
  saveList(name: string, people: string[]): Promise<string> {
    return this.#do(() => call('PUT', `/rota/lists/${encodeURIComponent(name)}`, { people }), this.rota);
  }
  saveContacts(user: string, c: Contacts): Promise<string> {
    return this.#do(() => call('PUT', contacts(user), c));
  }
  contacts(user: string): Promise<Contacts> {
    return get<Contacts>(contacts(user));
  }

  async #do(f: () => Promise<unknown>, ...then: Answer<unknown>[]): Promise<string> {
    try {
      await f();
    } catch (err) {
      return explain(err);
    }
    await Promise.all(then.map((x) => x.load()));
    return '';
  }

  get mayWrite(): boolean {
    return mayWrite();
  }
}

const contacts = (user: string): string => `/notify/contacts/${encodeURIComponent(user)}`;
