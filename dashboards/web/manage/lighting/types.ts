import type { Text } from '../../kit/types';

export interface Point {
  at: string;
  pct: number;
  on_below_lux?: number;
  off_above_lux?: number;
}
export interface Night {
  date: string;
  begins: string;
  sunset: string | null;
  dusk: string | null;
  dawn: string | null;
  sunrise: string | null;
}
export interface Held {
  pct: number;
  until: string;
  cause: string;
}
export interface Group {
  id: string;
  name: Text;
  programme: string;
  points: Point[] | null;
  pct: number;
  override: Held | null;
  lamps: number;
  burning: number;
  dark: number;
  faulty: number;
  offline: number;
  power_w: number;
}
export interface Override {
  id: string;
  cause: string;
  target: string;
  pct: number;
  until: string;
  reason: string;
  by: string;
}
export interface Whole {
  version: number;
  plan: { programmes: { id: string; name: Text }[] };
  time_zone: string;
  night: Night;
  groups: Group[];
  overrides: Override[];
}
export interface Lamp {
  id: string;
  name: string;
  zone: string;
  feeder: string;
  group: string;
  state: 'burning' | 'dark' | 'fault' | 'cut' | 'offline';
  expected_pct: number | null;
  dim_pct: number | null;
  power_w: number | null;
  lux: number | null;
  in_sync: boolean;
  faults: string[] | null;
  cause: string;
}
export interface Day {
  date: string;
  id: string;
  kwh: number;
}
