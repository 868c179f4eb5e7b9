import type { Order, User } from '../kit/types';

export type Moment = 'before' | 'after';

/** Something that somebody did to an order, which the hub has not heard of yet. */
export interface Act {
  /** Of this phone, so that what is sent twice is done once. */
  id: string;
  /** Account of who did it: a phone may go from hand to hand. */
  user: string;
  order: string;
  what: 'take' | 'photo' | 'done';
  at: string;
  text?: string;
  when?: Moment;
  picture?: Blob;
}

/** The hub refuses it, so that sending it again is of no use. */
export const refused = (status: number): boolean => status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status);

/** The orders as they will be when the hub has heard of all that waits. */
export function expected(orders: readonly Order[], waiting: readonly Act[], user: User): Order[] {
  return orders.map((o) => {
    const mine = waiting.filter((a) => a.order === o.id);
    if (!mine.length) return o;
    const taken = mine.some((a) => a.what === 'take') && o.state === 'open';
    return { ...o, ...(taken && { state: 'taken', assignee: user.id, assignee_name: user.name }), waiting: mine.length, claimed: mine.some((a) => a.what === 'done') };
  });
}

/** What is left when an act was refused: the later ones of its order make no sense without it, photos apart. */
export const without = (waiting: readonly Act[], act: Act): Act[] => waiting.filter((a) => a.id !== act.id && (a.order !== act.order || a.what === 'photo' || act.what === 'photo'));

export const photos = (waiting: readonly Act[], order: string, when: Moment): Act[] => waiting.filter((a) => a.order === order && a.what === 'photo' && a.when === when);
