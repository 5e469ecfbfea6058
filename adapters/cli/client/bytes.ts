/** Sizes for people. */

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `612 B`, `1.4 MiB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length);
  return `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power - 1]}`;
}
