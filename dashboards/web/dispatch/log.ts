import { label, t, word } from '../kit/i18n.svelte';
import type { JournalEntry, Procedure } from '../kit/types';

/** What a line of a journal says beside its word, in the language of the screen. */
export function said(j: JournalEntry, card?: Procedure): string {
  const text = j.text ?? '';
  switch (j.what) {
    case 'step':
      return ticked(text, card);
    case 'close':
      return headed('reason', text);
    case 'shelve':
      return headed('shelve.kind', text);
    case 'annunciate':
      return headed('annunciate', text);
    case 'escalate':
      return escalated(text);
  }
  return text;
}

/** "handled: the lock was replaced": the hub's word, and what a person wrote. */
function headed(family: string, text: string): string {
  const [head = '', ...rest] = text.split(': ');
  const more = rest.join(': ');
  return `${word(family, head)}${more ? ` · ${word(family, more)}` : ''}`;
}

/** "smoke/look=fire: on the third floor", or "smoke/!look: the wrong picture" for a step taken back. */
function ticked(text: string, card: Procedure | undefined): string {
  const m = /^([^/]+)\/(!?)([^=:]+)(?:=([^:]+))?(?:: (.*))?$/.exec(text);
  const step = m && card && m[1] === card.id ? card.steps.find((s) => s.id === m[3]) : undefined;
  if (!m || !step) return text;
  const answer = step.answers?.find((a) => a.id === m[4]);
  return [m[2] ? t('log.undone') : '', label(step.text), label(answer?.label), m[5] ?? ''].filter(Boolean).join(' ');
}

/** "life_safety 2/3: supervisor: 李明辉": the step, and who was called. */
function escalated(text: string): string {
  const m = /^\S+ (\d+)\/(\d+): [^:]*(?::[^ ][^:]*)*: (.*)$/.exec(text);
  return m ? t('log.escalated', { step: m[1], of: m[2], who: m[3] }) : text;
}
