import { t, word } from '../../kit/i18n.svelte';
import { parse } from './schedule';

/** A schedule in words: 周一至周五 07:00–19:00. */
export function scheduleWords(text: string): string {
  const windows = parse(text);
  if (!windows) return text;
  if (!windows.length) return t('schedule.always');
  const week = ['mon', 'tue', 'wed', 'thu', 'fri'];
  return windows
    .map((w) => {
      const d = w.days;
      const all = d.length === 8;
      const names = d.length === 5 && week.every((x) => d.includes(x as never)) ? t('schedule.weekdays') : all ? t('schedule.everyDay') : d.map((x) => word('day', x)).join(t('schedule.and'));
      return `${names} ${w.from}–${w.to}`;
    })
    .join('；');
}
