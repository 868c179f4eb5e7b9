import type { HTMLAttributes } from 'svelte/elements';
import type { Size } from './video/choice';
import type { View } from './video/player';
import type { Wall } from './video/wall';

declare module 'svelte/elements' {
  interface SvelteHTMLElements {
    'dongyue-video': HTMLAttributes<HTMLElement> & {
      camera?: string;
      stream?: string;
      fit?: 'cover' | 'contain';
      label?: string;
      wall?: Wall;
      sound?: boolean;
      sub?: Partial<Size> | null;
      onview?: (e: CustomEvent<View>) => void;
    };
  }
}
