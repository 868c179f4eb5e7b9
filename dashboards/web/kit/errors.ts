import { ApiError } from './api';
import { known, t } from './i18n.svelte';
import type { Alarm } from './types';

/** A sentence for the person: what went wrong and what to do. */
export function explain(err: unknown): string {
  if (!(err instanceof ApiError)) return t('error.unknown');
  const key = `error.${err.code}`;
  if (known(key)) return t(key, { n: Number(/\d+/.exec(err.detail)?.[0] ?? 0) }); // the limit, where the sentence has one
  if (err.status === 0) return t('error.network');
  if (err.status === 403) return t('error.auth.forbidden');
  if (err.status === 404) return t('error.not_found');
  if (err.status === 429) return t('error.too_many');
  if (err.status >= 500) return t('error.server');
  return err.detail || t('error.unknown');
}

/** The same for an alarm: one that is about life safety has its own rules for the close. */
export function whyNot(err: unknown, a: Alarm | undefined): string {
  const held = err instanceof ApiError && err.code === 'alarm.still_active' && (a?.latched || a?.life_safety);
  return held ? t('error.alarm.life_safety') : explain(err);
}
