// Units stand in the names of the readings (docs/protocol.md): temp_c, power_w.
const units: [suffix: string, unit: string][] = [
  ['_ug_m3', 'µg/m³'],
  ['_lux', 'lx'],
  ['_pct', '%'],
  ['_wh', 'Wh'],
  ['_ma', 'mA'],
  ['_db', 'dB'],
  ['_c', '°C'],
  ['_w', 'W'],
  ['_v', 'V'],
  ['_a', 'A'],
  ['_s', 's'],
];

/** Splits a reading's name into what is measured and its unit. */
export function metric(name: string): { what: string; unit: string } {
  for (const [suffix, unit] of units) {
    if (name.endsWith(suffix)) return { what: name.slice(0, -suffix.length), unit };
  }
  return { what: name, unit: '' };
}
