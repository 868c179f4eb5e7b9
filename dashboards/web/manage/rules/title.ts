import type { Text } from '../../kit/types';

/**
 * A rule's title without its subject, for lists: "{name}[ port {part}] overheats" is
 * Overheats. What stands in brackets is left out when its value is missing, and here
 * every value is; other placeholders become an ellipsis.
 */
export function plain(title: Text | undefined, id: string): Text {
  return { zh: bare(title?.zh ?? '', id), en: bare(title?.en ?? '', id) };
}

function bare(text: string, id: string): string {
  const out = text
    .replace(/\[[^\]]*\]/g, '')
    .replace(/^\s*\{[^}]*\}(?:'s|\u7684)?/, '')
    .replace(/\{[^}]*\}/g, '…')
    .replace(/^[\s:\uff1a,\uff0c]+|[\s:\uff1a,\uff0c]+$/g, '');
  return out ? out.charAt(0).toUpperCase() + out.slice(1) : id;
}
