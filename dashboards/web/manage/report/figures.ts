import type { Kpi } from './types';

export type FigureName =
  | 'raised' | 'annunciated' | 'avg' | 'max' | 'floods' | 'floodShare'
  | 'unacked' | 'standing' | 'stale' | 'shelved' | 'outOfService'
  | 'ackMedian' | 'ackP90' | 'closeMedian' | 'closeP90' | 'chattering' | 'fleeting';

export interface Figure {
  name: FigureName;
  value: number;
  unit: 'count' | 'per10' | 'pct' | 's';
  /** Too much by itself, without a comparison: shown in colour. */
  high: boolean;
}

export interface Group {
  name: 'load' | 'state' | 'response' | 'quality';
  figures: Figure[];
}

/** More in ten minutes is a flood. */
export const floodBegins = 10;

/** The figures of a shift, in the order in which a hand-over reads them. */
export function groups(k: Kpi): Group[] {
  const f = (name: FigureName, value: number, unit: Figure['unit'] = 'count', high = false): Figure => ({ name, value: value ?? 0, unit, high });
  return [
    {
      name: 'load',
      figures: [
        f('raised', k.raised),
        f('annunciated', k.annunciated),
        f('avg', k.per_10min_avg, 'per10'),
        f('max', k.per_10min_max, 'per10', k.per_10min_max > floodBegins),
        f('floods', k.floods, 'count', k.floods > 0),
        f('floodShare', k.flood_share_pct, 'pct'),
      ],
    },
    {
      name: 'state',
      figures: [f('unacked', k.unacked, 'count', k.unacked > 0), f('standing', k.standing), f('stale', k.stale, 'count', k.stale > 0), f('shelved', k.shelved), f('outOfService', k.out_of_service)],
    },
    { name: 'response', figures: [f('ackMedian', k.ack_median_s, 's'), f('ackP90', k.ack_p90_s, 's'), f('closeMedian', k.close_median_s, 's'), f('closeP90', k.close_p90_s, 's')] },
    { name: 'quality', figures: [f('chattering', k.chattering, 'count', k.chattering > 0), f('fleeting', k.fleeting, 'count', k.fleeting > 0)] },
  ];
}
