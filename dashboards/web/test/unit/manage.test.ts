import { describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../kit/api';
import { csv } from '../../manage/csv';
import { Answer } from '../../manage/answer.svelte';
import { groups } from '../../manage/report/figures';
import { isRange, query } from '../../manage/report/range';
import type { Kpi } from '../../manage/report/types';
import { faults, inOrder, shortest, target } from '../../manage/rota/ladder';
import { compare } from '../../manage/rules/compare';
import { causes, curve, effects } from '../../manage/rules/depends';
import { choose, count } from '../../manage/rules/list';
import { excerpt, indent, newline, offsetOf, outdent, placeOf, tokens, type Edit } from '../../manage/rules/text';
import { plain } from '../../manage/rules/title';
import type { Rule } from '../../manage/rules/types';
import { overall, shares, worstFirst, type Verdict } from '../../manage/verdicts';

const verdict = (name: string, ok: boolean): Verdict => ({ name, value: 1, limit: 2, ok, text: { zh: name, en: name } });
const rule = (id: string, more: Partial<Rule> = {}): Rule => ({
  id, title: { zh: id, en: id }, priority: 'low', file: 'x.yaml', line: 1, kinds: [], types: [], zones: [], for_s: 0, latch: false, silent: false, depends_on: [], actions: [],
  pending: 0, firing: 0, raised: 0, errors: 0, ...more,
});

describe('verdicts', () => {
  it('put what fails first and keep the order otherwise', () =>
    expect(worstFirst([verdict('a', true), verdict('b', false), verdict('c', true), verdict('d', false)]).map((v) => v.name)).toEqual(['b', 'd', 'a', 'c']));
  it.each([[null, 'none'], [[], 'none'], [[verdict('a', true)], 'ok'], [[verdict('a', true), verdict('b', false)], 'bad']] as const)('%j together are %s', (vs, want) =>
    expect(overall(vs)).toBe(want));
  it('shares medium and low against 80 %, and fills the bar whatever the sum', () => {
    expect(shares({ critical: 5, high: 15, medium: 30, low: 50 }).map((s) => [s.name, s.from, s.share, s.aim])).toEqual([['critical', 0, 5, 5], ['high', 5, 15, 15], ['rest', 20, 80, 80]]);
    expect(shares({ critical: 1, low: 1 }).map((s) => s.share)).toEqual([50, 0, 50]);
    expect(shares({})).toEqual([]);
    expect(shares(null)).toEqual([]);
  });
});

describe('a title without its subject', () => {
  it.each([
    ['{name}[ {part} 号口]过热[ {data.temp_c} °C]', '{name}[ port {part}] overheats[ at {data.temp_c} °C]', '过热', 'Overheats'],
    ['{name}冒烟', 'Smoke at {name}', '冒烟', 'Smoke at …'],
    ['{name}的温度读数无法辨认', "{name}'s cabinet is open", '温度读数无法辨认', 'Cabinet is open'],
    ['{name}', '', 'a.b', 'a.b'],
  ])('%s', (zh, en, wantZh, wantEn) => expect(plain({ zh, en }, 'a.b')).toEqual({ zh: wantZh, en: wantEn }));
});

describe('places in a text', () => {
  const text = 'rules:\n  - id: a\n\n    when: x';
  it.each([[1, 1, 0], [2, 5, 11], [3, 1, 17], [3, 9, 17], [4, 5, 22], [9, 1, 29], [0, 0, 0], [2, 99, 16]])('%i:%i is %i', (line, col, want) =>
    expect(offsetOf(text, { line, col })).toBe(want));
  it('and back', () => {
    for (let at = 0; at <= text.length; at++) expect(offsetOf(text, placeOf(text, at))).toBe(at);
  });
  it('shows one rule of a file', () => {
    const file = 'rules:\n  # first\n  - id: a\n    when: x\n\n    for: 3s\n\n  # second\n  - id: b\n    when: y\n';
    expect(excerpt(file, 3)).toEqual({ first: 3, lines: ['  - id: a', '    when: x', '', '    for: 3s'] });
    expect(excerpt(file, 9)).toEqual({ first: 9, lines: ['  - id: b', '    when: y'] });
    expect(excerpt(file, 99).lines).toHaveLength(1);
    expect(excerpt('', 0)).toEqual({ first: 1, lines: [''] });
  });
});

describe('the keys of the editor', () => {
  const apply = (text: string, e: Edit) => {
    const out = text.slice(0, e.from) + e.text + text.slice(e.to);
    return `${out.slice(0, e.start)}[${out.slice(e.start, e.end)}]${out.slice(e.end)}`;
  };
  it.each([
    ['Tab at the caret', indent, 'a: b', 2, 2, 'a:  [] b'],
    ['Tab over lines', indent, 'a\nb\nc', 0, 3, '  [a\n  b]\nc'],
    ['Tab over lines, the last not begun', indent, 'a\nb\nc', 0, 2, '  [a\n]b\nc'],
    ['Shift+Tab at the caret', outdent, '    a', 5, 5, '  a[]'],
    ['Shift+Tab over lines', outdent, '  a\n b\nc', 3, 7, 'a[\nb\n]c'],
    ['Enter keeps the indentation', newline, '    when: x', 11, 11, '    when: x\n    []'],
    ['Enter below a list item', newline, '  - id: a', 9, 9, '  - id: a\n    []'],
    ['Enter after a key that opens', newline, 'rules:', 6, 6, 'rules:\n  []'],
  ] as const)('%s', (_, f, text, start, end, want) => expect(apply(text, f(text, start, end))).toBe(want));
  it.each([
    ['  - id: charger.smoke # hot', [['', '  - '], ['key', 'id'], ['', ': charger.smoke '], ['note', '# hot']]],
    ['when: "a # b" # c', [['key', 'when'], ['', ': '], ['text', '"a # b"'], ['', ' '], ['note', '# c']]],
    ['for: 30s', [['key', 'for'], ['', ': '], ['word', '30s']]],
    ['x: a#b', [['key', 'x'], ['', ': a#b']]],
    ['', []],
  ])('colours %s', (line, want) => {
    expect(tokens(line).map((t) => [t.kind, t.text])).toEqual(want);
    expect(tokens(line).map((t) => t.text).join('')).toBe(line);
  });
});

describe('wanted and got', () => {
  const show = (want: string[], got: string[]) => compare(want, got).map((l) => ({ same: ' ', want: '-', got: '+' })[l.kind] + l.text);
  it('stand side by side, and a wanted line may be shorter', () =>
    expect(show(['@0s raised a', '@5s returned a'], ['@0s raised a critical x/7', '@5s returned a critical'])).toEqual([' @0s raised a critical x/7', ' @5s returned a critical']));
  it('tell what is missing and what is too much', () =>
    expect(show(['@0s raised a', '@0s command cut', '@9s returned a'], ['@0s raised a', '@9s returned a', '@9s raised b'])).toEqual([' @0s raised a', '-@0s command cut', ' @9s returned a', '+@9s raised b']));
  it('take a time that differs as one of each', () => expect(show(['@10s raised a'], ['@1s raised a'])).toEqual(['-@10s raised a', '+@1s raised a']));
  it('do not take the beginning of a word for the word', () => expect(show(['@0s raised charger.hot'], ['@0s raised charger.hot_plug'])).toHaveLength(2));
  it('may both be nothing', () => expect(show([], [])).toEqual([]));
});

describe('what silences what', () => {
  const all = [rule('a'), rule('b', { depends_on: ['a'] }), rule('c', { depends_on: [{ rule: 'a', scope: 'zone' }, 'b'] }), rule('d', { depends_on: null })];
  it('reads both forms', () => {
    expect(causes(all[2] as Rule)).toEqual([{ rule: 'a', scope: 'zone' }, { rule: 'b', scope: '' }]);
    expect(effects(all[0] as Rule, all)).toEqual([{ rule: 'b', scope: '' }, { rule: 'c', scope: 'zone' }]);
    expect([causes(all[3] as Rule), effects(all[3] as Rule, all)]).toEqual([[], []]);
  });
  it('draws from row to row', () => expect([curve(0, 2, 0, 1), curve(1, 2, 0, 1)]).toEqual(['M0 25C50 25 50 50 100 50', 'M0 75C50 75 50 50 100 50']));
});

describe('the list of rules', () => {
  const all = [rule('door.held', { priority: 'medium' }), rule('charger.hot', { priority: 'high', firing: 2, kinds: ['charger'] }), rule('charger.smoke', { priority: 'critical', life_safety: true, title: { zh: '冒烟', en: 'Smoke' } }), rule('lamp.x', { errors: 1 }), rule('lamp.y', { disabled: { since: '', reason: '' } })];
  const ids = (f: Parameters<typeof choose>[1], s = '') => choose(all, f, s).map((r) => r.id);
  it('goes by topic, then by priority', () => expect(ids('all')).toEqual(['charger.smoke', 'charger.hot', 'door.held', 'lamp.x', 'lamp.y']));
  it('filters', () => expect([ids('firing'), ids('trouble'), ids('life_safety'), count(all, 'trouble')]).toEqual([['charger.hot'], ['lamp.x', 'lamp.y'], ['charger.smoke'], 2]));
  it('finds every word, in any language', () => expect([ids('all', '冒烟'), ids('all', 'CHARGER high'), ids('all', 'nothing')]).toEqual([['charger.smoke'], ['charger.hot'], []]));
});

describe('escalation', () => {
  it.each([['on_duty', 'on_duty', ''], ['user:u-1', 'user', 'u-1'], ['list:fire:east', 'list', 'fire:east'], ['owner', 'other', 'owner']])('%s', (to, kind, id) => expect(target(to)).toEqual({ kind, id }));
  it('is taken in the order of time', () => expect(inOrder({ name: 'x', priorities: [], repeat: 0, steps: [{ after_s: 60, to: ['a'] }, { after_s: 0, to: ['b'] }] }).map((s) => s.after_s)).toEqual([0, 60]));
  it.each([
    [[], ['noSteps']],
    [[{ after_s: 0, to: ['on_duty'] }, { after_s: 60, to: [] }], ['noTarget']],
    [[{ after_s: 30, to: ['on_duty'] }, { after_s: 30, to: ['supervisor'] }], ['sameTime']],
    [[{ after_s: -1, to: ['on_duty'] }, { after_s: NaN, to: ['on_duty'] }], ['noTime']],
    [[{ after_s: 0, to: ['on_duty'] }], []],
  ])('%j has %j', (steps, want) => expect(faults(steps)).toEqual(want));
  it.each([[45, 45, 's'], [90, 90, 's'], [180, 3, 'min'], [7200, 2, 'h'], [0, 0, 's']])('%i s is %i %s', (s, n, unit) => expect(shortest(s)).toEqual({ n, unit }));
});

describe('the report', () => {
  it('asks by shift or by time', () => {
    expect(query('previous', 0)).toBe('shift=previous');
    expect(decodeURIComponent(query('24h', Date.parse('2026-01-02T00:00:00Z')))).toBe('from=2026-01-01T00:00:00.000Z&to=2026-01-02T00:00:00.000Z');
    expect([isRange('7d'), isRange('1y'), isRange(undefined)]).toEqual([true, false, false]);
  });
  it('marks what is too much, and takes a missing figure as none', () => {
    const k = { raised: 40, per_10min_max: 11, floods: 1, unacked: 0 } as Kpi;
    const all = groups(k).flatMap((g) => g.figures);
    expect(all.filter((f) => f.high).map((f) => f.name)).toEqual(['max', 'floods']);
    expect(all.find((f) => f.name === 'stale')?.value).toBe(0);
    expect(new Set(all.map((f) => f.name)).size).toBe(all.length);
  });
  it('writes tables that a spreadsheet reads and does not run', () =>
    expect(csv([['设备', 'n'], ['a "b", c', 1.5], ['=1+1', null], ['-5', Infinity], ['x\ny', undefined]])).toBe('\uFEFF设备,n\r\n"a ""b"", c",1.5\r\n\'=1+1,\r\n\'-5,\r\n"x\ny",\r\n'));
});

describe('what is asked for', () => {
  it('keeps the old value and says why there is no newer one', async () => {
    const ask = vi.fn<() => Promise<number>>().mockResolvedValueOnce(1).mockRejectedValueOnce(new ApiError(0, 'network', ''));
    const l = new Answer(ask);
    expect(l.phase).toBe('loading');
    await l.load();
    expect([l.phase, l.value, l.trouble]).toEqual(['ready', 1, '']);
    await l.load();
    expect([l.phase, l.value, l.trouble !== '']).toEqual(['ready', 1, true]);
  });
  it('has failed when nothing ever came', async () => {
    const l = new Answer(() => Promise.reject(new ApiError(500, 'x', '')));
    await l.load();
    expect(l.phase).toBe('failed');
  });
  it('drops an answer that was overtaken', async () => {
    const waiting: ((n: number) => void)[] = [];
    const l = new Answer(() => new Promise<number>((r) => waiting.push(r)));
    const both = [l.load(), l.load()];
    waiting[1]?.(2);
    waiting[0]?.(1);
    await Promise.all(both);
    expect(l.value).toBe(2);
  });
});
