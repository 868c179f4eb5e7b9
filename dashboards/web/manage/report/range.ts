/** What a report is about. */
export const ranges = ['current', 'previous', '24h', '7d'] as const;
export type Range = (typeof ranges)[number];

export const isRange = (x: unknown): x is Range => (ranges as readonly unknown[]).includes(x);

const hour = 3600_000;
const spans: Partial<Record<Range, number>> = { '24h': 24 * hour, '7d': 168 * hour };

/** How the hub is asked for it. */
export function query(range: Range, now: number): string {
  const span = spans[range];
  if (span === undefined) return `shift=${range}`;
  return `from=${encodeURIComponent(new Date(now - span).toISOString())}&to=${encodeURIComponent(new Date(now).toISOString())}`;
}
