// What stands in the stand-in hub's queue when it starts, and what its
// demonstration makes happen.
import { alarm, text } from './estate.js';
import { newIncident } from './grouping.js';

const iso = (ms) => new Date(Date.now() + ms).toISOString();

const asking = (s) => ({ policy: 'life_safety', step: 1, round: 1, to: ['on_duty'], names: ['陈静'], next_at: iso(s * 1000), next_to: ['supervisor'] });

export function standing(s, desk, find, door) {
  const add = (d, priority, title, ago, more) => desk.raise(alarm(d, s.cameras, priority, title, ago, more));
  add(door[80], 'high', text('西苑7栋 单元门被强行打开', 'West Court 7: door forced open'), 41, { rule: 'door.forced' });
  add(find('lamp-north-b09-3'), 'medium', text('北苑9栋 12 盏灯故障，同一线路', 'North Court 9: 12 lamps on one feeder failed'), 2900, { rule: 'lamp.feeder', state: 'acked_active', acked_at: iso(-2882e3), acked_by: '李明辉', count: 12 });
  add(find('speaker-west-b06-1'), 'low', text('西苑6栋2号广播离线', 'Speaker West Court 6-2 offline'), 5200, { rule: 'infra.device_offline', state: 'acked_active', acked_at: iso(-5160e3), acked_by: '陈静', assignee: '王师傅' });
}

export function scenes(s, { desk, emit, run, find, door, hot }) {
  const add = (d, priority, title, more, group) => desk.raise(alarm(d, s.cameras, priority, title, 0, more), group);
  return {
    charger_hot() {
      const a = add(hot, 'critical', text('东苑2栋2号充电棚 7 号口过热 82 °C', 'East Court 2 shed 2: port 7 at 82 °C'), { part: '7', rule: 'charger.over_temperature', cause: 'charger', procedure: 'charger_thermal', count: 15, escalation: asking(30) });
      hot.values[7].temp_c = { v: 82, at: new Date().toISOString() };
      emit('twin', { device: hot.id, at: new Date().toISOString(), values: { 7: { temp_c: 82 } } }, false);
      run(hot.id, 'cut', { part: '7' });
      return a;
    },
    /** A fire in a shed, with what follows from it: one incident of many alarms. */
    shed_fire() {
      const g = newIncident();
      const a = add(hot, 'critical', text('东苑2栋2号充电棚 7 号口疑似热失控', 'East Court 2 shed 2, port 7: thermal runaway'), { part: '7', rule: 'charger.smoke', cause: 'fire', procedure: 'charger_thermal', life_safety: true, latched: true, escalation: asking(12) }, g);
      g.root = a;
      for (let p = 1; p <= 10; p++) if (p !== 7) add(hot, p < 5 ? 'high' : 'low', text(`东苑2栋2号充电棚 ${p} 号口已断电`, `East Court 2 shed 2, port ${p} is cut`), { part: String(p), rule: 'charger.cut' }, g);
      for (const d of door.filter((x) => x.zone.startsWith('east/b02/')).slice(0, 5)) add(d, 'medium', text(`${d.name}消防释放`, `${d.id} released by the fire panel`), { rule: 'door.released' }, g);
      return g;
    },
    door_forced: () => add(door[81], 'high', text('西苑7栋10单元门被强行打开', 'West Court 7 unit 10: door forced open'), { rule: 'door.forced' }),
    sos: () => add(find('lamp-east-b01-4'), 'critical', text('东苑1栋5号灯杆求助', 'SOS at lamp pole East Court 1-5'), { rule: 'lamp.sos', life_safety: true, latched: true }),
    duress: () => add(door[3], 'critical', text('东苑1栋4单元胁迫开门', 'East Court 1 unit 4: opened under duress'), { rule: 'door.duress', silent: true, life_safety: true }),
    camera_off: () => emit('camera', Object.assign(s.cameras[0], { state: 'no_signal', since: new Date().toISOString() })),
  };
}
