import { describe, expect, it } from 'vitest';
import { nearest } from '../../dispatch/intercom';
import type { Device } from '../../kit/types';

const speaker = (id: string, x: number, more: Partial<Device> = {}): Device => ({ id, kind: 'speaker', name: id, zone: 'east', x, y: 0, online: true, state: { microphone: true }, ...more });
const pole: Device = { id: 'lamp-1', kind: 'lamp', name: 'lamp-1', zone: 'east', x: 10, y: 0, online: true };

describe('the loudspeaker to talk over', () => {
  it('is the nearest one that is there and hears', () => {
    const all = [speaker('far', 90), speaker('deaf', 10, { state: {} }), speaker('off', 11, { online: false }), speaker('near', 20), { ...pole, state: { microphone: true } }];
    expect(nearest(all, pole)?.id).toBe('near');
  });
  it('is the device itself where that is one', () => {
    expect(nearest([speaker('a', 1), speaker('b', 2)], speaker('b', 2))?.id).toBe('b');
  });
  it('is one of the same place where the device is on no plan', () => {
    const all = [speaker('n', 5, { zone: 'north/b09' }), speaker('e', 90, { zone: 'east/b01' }), speaker('w', 6, { zone: 'west' })];
    expect(nearest(all, { ...pole, x: 0, y: 0, zone: 'east/b01' })?.id).toBe('e');
  });
  it('is none where nobody hears', () => {
    expect(nearest([speaker('deaf', 10, { state: null })], pole)).toBeUndefined();
    expect(nearest([], undefined)).toBeUndefined();
  });
});
