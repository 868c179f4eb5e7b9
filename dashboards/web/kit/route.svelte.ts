import { createSubscriber } from 'svelte/reactivity';

// Pages beside an app's own screen stand in the fragment: #/rules. The hub never
// sees it, so a page can be linked to, and the back button leaves it.
const subscribe = createSubscriber((update) => {
  addEventListener('hashchange', update);
  return () => removeEventListener('hashchange', update);
});

/** The word of a fragment: "rules" of "#/rules", "" of anything else. */
export const pageIn = (hash: string): string => /^#\/([\w-]+)$/.exec(hash)?.[1] ?? '';

/** The page that the address names; what reads it is drawn again when it changes. */
export function page(): string {
  subscribe();
  return pageIn(location.hash);
}

/** Back to the app's own screen. */
export function home(): void {
  if (location.hash) location.hash = '';
}
