// What the stand-in hub says for why an alarm is there, and why not.
import { text } from './estate.js';

const link = (what, ok, zh, en, more = {}) => ({ what, ok, text: text(zh, en), ...more });

export function explain(a) {
  const at = a.raised_at;
  return {
    rule: a.rule, rule_version: '4f1c09aa7be2', current_version: '4f1c09aa7be2',
    event: { seq: 48211, at, device: a.device, channel: 'telemetry', data: { part: a.part, temp_c: 82, power_w: 310 } },
    conclusion: text('温度 82 °C 达到 70 °C，立即报警', 'At 82 °C the limit of 70 °C was reached; it alarms at once'),
    why: [
      link('match', true, '设备种类与通道符合规则', 'Kind and channel are what the rule watches', { expr: 'kind == charger && channel == telemetry' }),
      link('when', true, '条件成立', 'The condition holds', { expr: 'data.temp_c >= 70 || (data.temp_c >= 60 && rise("temp_c", "1m") >= 5)', value: 'data.temp_c = 82', at }),
      link('for', true, '无须持续，立即成立', 'Needs no time to hold', { at }),
      link('depends_on', true, '没有被其他告警压住', 'No other alarm silences it'),
      link('service', true, '设备在用，未停用', 'The device is in service'),
      link('alarm', true, `产生告警，归入事件 ${a.incident}`, `Alarm raised, in incident ${a.incident}`, { at, seq: a.seq }),
    ],
    actions: actions(a, a.drill),
  };
}

export function whyNot(rule, device) {
  return {
    rule, current_version: '4f1c09aa7be2', event: { seq: 48190, at: new Date(Date.now() - 40_000).toISOString(), device, channel: 'telemetry', data: { temp_c: 34.2 } },
    why: [
      link('match', true, '设备种类与通道符合规则', 'Kind and channel are what the rule watches', { expr: 'kind == charger && channel == telemetry' }),
      link('when', false, '条件不成立：最近一次温度 34.2 °C', 'The condition does not hold: the last temperature was 34.2 °C', { expr: 'data.temp_c >= 70', value: 'data.temp_c = 34.2' }),
    ],
    actions: [],
  };
}

export function actions(a, drill) {
  const done = (type, zh, en, state, more = {}) => ({ type, text: text(zh, en), state: drill ? 'drill' : state, result: '', at: drill ? null : a.raised_at, ...more });
  if (a.priority !== 'critical') return [];
  return [
    done('command', `切断 ${a.part || '1'} 号口`, `Cut port ${a.part || '1'}`, 'done', { command: drill ? 'cut' : { id: 'c-1', device: a.device, type: 'cut', status: 'done' }, replies: drill ? [] : [{ at: a.raised_at, status: 'accepted' }, { at: a.raised_at, status: 'done' }] }),
    done('clip', '截取附近摄像机前 10 s 后 30 s', 'Keep 10 s before and 30 s after of the nearest cameras', 'claimed'),
    done('notify', '通知值班员', 'Notify the operator on duty', 'done'),
    done('work_order', '开检查工单', 'Open an inspection order', 'failed', { result: drill ? '' : 'no crew on duty' }),
  ];
}
