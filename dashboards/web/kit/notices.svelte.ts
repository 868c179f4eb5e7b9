import { explain } from './errors';

export interface Notice {
  id: number;
  kind: 'ok' | 'bad' | 'info';
  text: string;
}

class Notices {
  list = $state.raw<Notice[]>([]);
  #next = 1;

  say(text: string, kind: Notice['kind'] = 'info', ms = 5000): void {
    const id = this.#next++;
    this.list = [...this.list.slice(-3), { id, kind, text }];
    setTimeout(() => this.drop(id), ms);
  }

  /** Tells of a failure; stays longer than good news. */
  fail(err: unknown): void {
    this.say(explain(err), 'bad', 9000);
  }

  drop(id: number): void {
    this.list = this.list.filter((n) => n.id !== id);
  }
}

export const notices = new Notices();
