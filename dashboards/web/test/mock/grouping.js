// How the stand-in hub makes incidents of alarms, and what states they are in.
const weight = ['unacked_active', 'unacked_returned', 'acked_active', 'shelved', 'suppressed', 'out_of_service', 'normal'];
const order = ['critical', 'high', 'medium', 'low'];

let number = 0;
export const newIncident = () => ({ id: `in-${String(++number).padStart(4, '0')}`, alarms: [], title: undefined });

/** An incident as the API shows it, from its alarms. */
export function shown(g) {
  const open = g.alarms.filter((a) => !a.closed_at);
  const of = open.length ? open : g.alarms;
  const root = g.root ?? g.alarms[0];
  const worst = of.reduce((p, a) => (order.indexOf(a.priority) < order.indexOf(p) ? a.priority : p), root.priority);
  const acked = of.find((a) => a.acked_at);
  return {
    id: g.id, seq: Math.max(...g.alarms.slice(-50).map((a) => a.seq), root.seq), cause: root.cause, zone: g.zone ?? root.zone, zone_name: undefined, title: g.title ?? root.title,
    priority: worst, state: weight.find((w) => of.some((a) => a.state === w)) ?? 'normal', root: root.id, rule: root.rule, device: root.device, device_name: root.device_name,
    alarms: g.alarms.length, raw: g.alarms.reduce((n, a) => n + a.count, 0), active: open.filter((a) => a.active !== false).length, unacked: open.filter((a) => a.state.startsWith('unacked')).length,
    life_safety: g.alarms.some((a) => a.life_safety), drill: g.alarms.every((a) => a.drill), raised_at: root.raised_at, last_at: g.alarms.at(-1).raised_at,
    acked_at: acked?.acked_at ?? null, acked_by: acked?.acked_by ?? '', closed_at: open.length ? null : (root.closed_at ?? new Date().toISOString()),
    assignee: root.assignee, assignee_id: '', cameras: root.cameras, procedure: root.procedure,
  };
}

/** Its alarms and everything that happened to them, in time. */
export function detail(g) {
  const timeline = g.alarms.flatMap((a) => a.journal.map((j) => ({ ...j, alarm: a.id, device_name: a.device_name, title: a.title })));
  return { ...shown(g), members: g.alarms.slice(0, 500).map(({ journal: _, ...a }) => a), timeline: timeline.sort((a, b) => (a.at < b.at ? -1 : 1)).slice(-1000) };
}

/** What an action does to one alarm; undefined, or why it does not. */
export function act(a, what, body, who) {
  const now = new Date().toISOString();
  if (a.closed_at) return ['alarm.already_closed', 409];
  switch (what) {
    case 'ack':
      if (!a.state.startsWith('unacked')) return undefined;
      Object.assign(a, { state: a.state === 'unacked_returned' ? 'normal' : 'acked_active', acked_at: now, acked_by: who.name, escalation: null });
      if (a.state === 'normal') a.closed_at = now;
      return undefined;
    case 'assign':
      a.assignee = body.name ?? who.name;
      return undefined;
    case 'close':
      if (a.active && a.latched && a.measured) return ['alarm.still_active', 409];
      Object.assign(a, { state: 'normal', closed_at: now, escalation: null });
      return undefined;
    case 'shelve':
      if (a.life_safety) return ['alarm.life_safety', 409];
      if (body.kind === 'timed' && body.minutes > 240) return ['alarm.shelve_too_long', 422, 'an alarm of this priority is shelved for at most 240 minutes'];
      Object.assign(a, { beneath: a.state, state: 'shelved', shelve_kind: body.kind, shelve_reason: body.reason, shelved_by: who.name, shelved_until: body.kind === 'timed' ? new Date(Date.now() + body.minutes * 60_000).toISOString() : null, escalation: null });
      return undefined;
    case 'unshelve':
      if (a.state !== 'shelved') return ['alarm.not_shelved', 409];
      Object.assign(a, { state: a.beneath ?? 'unacked_active', shelved_until: null, shelve_reason: '', shelved_by: '', shelve_kind: '' });
      return undefined;
  }
  return undefined;
}
