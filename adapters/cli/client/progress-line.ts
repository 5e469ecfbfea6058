/** One line on a terminal that is written anew in place; nothing where nobody watches. */

import type { Stream } from '../output.ts';

export interface ProgressLine {
  show(text: string): void;
  /** Before anything else is written, and at the end. */
  clear(): void;
}

/** As wide as terminals are when they do not say: a longer line could not be taken back. */
const USUAL_COLUMNS = 80;

export function openProgressLine(stream: Stream & { readonly columns?: number }): ProgressLine {
  if (stream.isTTY !== true) return { show: () => undefined, clear: () => undefined };
  let shown = '';
  return {
    show(text) {
      const fitting = text.slice(0, (stream.columns ?? USUAL_COLUMNS) - 1);
      if (fitting === shown) return;
      shown = fitting;
      stream.write(`\r\u001b[K${fitting}`);
    },
    clear() {
      if (shown !== '') stream.write('\r\u001b[K');
      shown = '';
    },
  };
}
