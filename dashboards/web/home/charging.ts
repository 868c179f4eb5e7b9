import type { Text } from '../kit/types';

export interface ChargePort {
  device: string;
  name: string;
  zone: string;
  part: string;
  state: string;
  online: boolean;
}

export interface ChargeSession {
  id: string;
  device: string;
  part: string;
  state: string;
  reason: string;
  energy_mwh: number;
  electricity_fen: number;
  service_fen: number;
  refund_fen: number;
}

/** What GET /home/charging answers. Money is whole fen, prices 0.0001 yuan a kWh. */
export interface Charging {
  tariff: { electricity: number; service: number };
  deposit_fen: number;
  ready: boolean;
  ports: ChargePort[];
  sessions: ChargeSession[];
  notices: { at: string; text: Text }[];
}

/** Whether a bike can be plugged in. */
export const free = (p: ChargePort): boolean => p.online && (p.state === 'idle' || p.state === 'stopped');

/** Fen as yuan, without a detour through fractions. */
export const yuan = (fen: number): string => `${Math.trunc(fen / 100)}.${String(Math.abs(fen) % 100).padStart(2, '0')}`;

/** A price as it is published: 0.5224. */
export const rate = (r: number): string => `${Math.trunc(r / 10_000)}.${String(r % 10_000).padStart(4, '0')}`;

/** Milliwatt-hours as kWh with three decimals, rounded down as meters show it. */
export const kwh = (mwh: number): string => `${Math.trunc(mwh / 1_000_000)}.${String(Math.trunc(mwh / 1_000) % 1_000).padStart(3, '0')}`;
