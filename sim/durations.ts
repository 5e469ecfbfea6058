/** Durations as people write them (`250ms`, `1.5s`, `2min`, `1h`, `5ms..40ms`) and virtual times as they are shown. */

import type { Span } from './conduct.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** Milliseconds, undefined when `text` is none. A bare 0 needs no unit. */
export function parseDuration(text: unknown): number | undefined {
  if (text === 0) return 0;
  if (typeof text !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h)$/.exec(text.trim());
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? Number.NaN));
}

/** A duration, or a range of two. */
export function parseSpan(text: unknown): Span | undefined {
  if (typeof text !== 'string' || !text.includes('..')) return parseDuration(text);
  const [from, to, ...rest] = text.split('..');
  const fromMs = parseDuration(from);
  const toMs = parseDuration(to);
  if (fromMs === undefined || toMs === undefined || rest.length > 0 || toMs < fromMs) return undefined;
  return { fromMs, toMs };
}

/** `01:05.250`, with hours in front once there are any. */
export function showTime(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = String(Math.floor(ms / 60_000) % 60).padStart(2, '0');
  const seconds = ((ms % 60_000) / 1000).toFixed(3).padStart(6, '0');
  return hours === 0 ? `${minutes}:${seconds}` : `${hours}:${minutes}:${seconds}`;
}

/** `250ms`, `8s`, `1.5s`, `2min`, `1h`: the largest unit that leaves no fraction, seconds for what is left. */
export function showDuration(ms: number): string {
  if (ms > 0 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000}min`;
  return ms >= 1000 || ms === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
