const two = (n: number) => String(n).padStart(2, '0');

/** A time as a date field shows it, on the browser's clock: 2026-11-23T07:00. */
export function toInput(at: number | string): string {
  const d = new Date(at);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** And back, as the hub takes it; '' when it is no time. */
export function fromInput(text: string): string {
  const d = new Date(text);
  return Number.isNaN(d.getTime()) ? '' : d.toISOString();
}
