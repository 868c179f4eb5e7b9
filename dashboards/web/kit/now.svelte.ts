import { createSubscriber } from 'svelte/reactivity';

// One timer for every clock, age and countdown on the screen; it runs only
// while something shows it.
const subscribe = createSubscriber((update) => {
  const id = setInterval(update, 1000);
  return () => clearInterval(id);
});

/** The present in ms; what reads it is drawn again every second. */
export function now(): number {
  subscribe();
  return Date.now();
}
