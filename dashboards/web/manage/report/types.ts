import type { Flood, Label, OutOfService, Text } from '../../kit/types';
import type { Mix, Verdict } from '../verdicts';

export interface Top {
  rule: string;
  device: string;
  device_name?: Label;
  title?: Label;
  count: number;
  share_pct: number;
}

export interface Kpi {
  unacked: number;
  standing: number;
  per_10min: number;
  ack_median_s: number;
  open?: Record<string, number> | null;

  from: string;
  to: string;
  shift?: string;
  shift_name?: Text;
  raised: number;
  annunciated: number;
  stale: number;
  shelved: number;
  out_of_service: number;
  per_10min_avg: number;
  per_10min_max: number;
  flood_share_pct: number;
  floods: number;
  ack_p90_s: number;
  close_median_s: number;
  close_p90_s: number;
  top: Top[] | null;
  mix: Mix | null;
  chattering: number;
  fleeting: number;
  hours: { at: string; count: number }[] | null;
  verdicts: Verdict[] | null;
}

/** What is out of service, with the names where the hub tells them. */
export interface Service extends OutOfService {
  device_name?: Label;
  zone_name?: Label;
}

/** A flood with the limit by which it is one. */
export interface FloodLimit extends Flood {
  operators?: number;
  threshold?: { begin: number; end: number };
}
