import { ApiError, call, get, onSignedOut } from './api';
import { recall, remember } from './stored';
import type { Role, User } from './types';

export type App = 'dispatch' | 'crew' | 'home';

/** Which roles a page is for; the first page that fits is a role's own. */
const pages: Record<App, Role[]> = {
  dispatch: ['admin', 'supervisor', 'operator'],
  crew: ['crew', 'admin', 'supervisor'],
  home: ['resident', 'admin'],
};

/** The page that a role works on. */
export function pageOf(role: Role): App | undefined {
  return (Object.keys(pages) as App[]).find((p) => pages[p].includes(role));
}

export const mayUse = (app: App, role: Role): boolean => pages[app].includes(role);

/** Who is signed in: undefined while not known, null for nobody. */
class Session {
  user = $state.raw<User | null | undefined>(undefined);
  /** Why it is not known: the hub can't be reached. */
  trouble = $state.raw<ApiError | undefined>(undefined);

  constructor() {
    onSignedOut(() => this.#gone());
  }

  /** Without a network, offline takes who was signed in last: a crew in a cellar goes on. */
  async load(offline = false): Promise<void> {
    try {
      this.user = (await get<{ user: User }>('/session')).user;
      this.trouble = undefined;
      remember('user', this.user);
    } catch (err) {
      if (!(err instanceof ApiError)) throw err;
      if (err.status === 401) this.#gone();
      if (err.status === 0 && offline) this.user ??= recall<User | null>('user', null) ?? undefined;
      this.trouble = err.status === 401 ? undefined : err;
    }
  }

  async signIn(username: string, password: string): Promise<User> {
    const { user } = await call<{ user: User }>('POST', '/session', { username, password }, { quiet401: true });
    this.user = user;
    this.trouble = undefined;
    remember('user', user);
    return user;
  }

  async signOut(): Promise<void> {
    try {
      await call('DELETE', '/session');
    } finally {
      this.#gone();
    }
  }

  #gone(): void {
    this.user = null;
    remember('user', null);
  }
}

export const session = new Session();
