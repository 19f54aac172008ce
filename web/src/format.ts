const DOLLARS = { style: 'currency', currency: 'USD' } as const;

/** Six significant digits below one dollar, where cents would hide the price. */
export function dollars(price: number): string {
  const digits = price < 1 ? { maximumSignificantDigits: 6 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return new Intl.NumberFormat('en-US', { ...DOLLARS, ...digits }).format(price);
}

/** With its direction, unless it would be shown as zero. */
export function percent(value: number): { text: string; direction: 'up' | 'down' | 'quiet' } {
  const digits = `${Math.abs(value).toFixed(2)} %`;
  if (digits === '0.00 %') return { text: digits, direction: 'quiet' };
  return value < 0 ? { text: `▼ −${digits}`, direction: 'down' } : { text: `▲ +${digits}`, direction: 'up' };
}

export function count(value: number): string {
  return new Intl.NumberFormat('en-US').format(value);
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** How long ago an instant was, in its largest unit. Under a minute is "just now". */
export function ago(instant: string, now: number = Date.now()): string {
  const seconds = (now - Date.parse(instant)) / 1000;
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? [];
  if (!unit || !length) return 'just now';
  return new Intl.RelativeTimeFormat('en').format(-Math.floor(seconds / length), unit);
}
