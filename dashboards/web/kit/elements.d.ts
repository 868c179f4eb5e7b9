import type { HTMLAttributes } from 'svelte/elements';
import type { View } from './video/player';

declare module 'svelte/elements' {
  interface SvelteHTMLElements {
    'dongyue-video': HTMLAttributes<HTMLElement> & {
      camera?: string;
      stream?: string;
      fit?: 'cover' | 'contain';
      label?: string;
      onview?: (e: CustomEvent<View>) => void;
    };
  }
}
