/** The root logger: pino, lines of JSON. Loading pino takes as long as starting a container, so lines wait in memory
 *  until `open` says that there is time; a line of level warn or above does not wait. Without lines, no pino. */

import type { Logger } from 'pino';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Log {
  /** Fields first, then a short constant message. */
  write(level: LogLevel, fields: object, message: string): void;
  /** Writes what has waited, and from now on each line at once. */
  open(): Promise<void>;
  setLevel(level: LogLevel): void;
}

type Line = readonly [level: LogLevel, fields: object, message: string];

/** `sink` gets whole lines with their newline. Lines below the level are dropped at once. */
export function createLog(first: LogLevel, sink: (line: string) => void): Log {
  let level = first;
  const waiting: Line[] = [];
  let opening: Promise<Logger> | undefined;
  let logger: Logger | undefined;
  const heard = (candidate: LogLevel) => LOG_LEVELS.indexOf(candidate) <= LOG_LEVELS.indexOf(level);
  const load = async (): Promise<Logger> => {
    const { pino } = await import('pino');
    const loaded = pino({ level, base: { pid: process.pid } }, { write: sink });
    logger = loaded;
    for (const [at, fields, message] of waiting.splice(0)) loaded[at](fields, message);
    return loaded;
  };
  const flush = async (): Promise<void> => {
    opening ??= load();
    await opening;
  };
  let opened = false;
  return {
    open: async () => {
      opened = true;
      if (waiting.length > 0) await flush();
    },
    setLevel: (next) => {
      level = next;
      if (logger !== undefined) logger.level = next;
    },
    write: (at, fields, message) => {
      if (!heard(at)) return;
      if (logger !== undefined) {
        logger[at](fields, message);
        return;
      }
      waiting.push([at, fields, message]);
      if (opened || LOG_LEVELS.indexOf(at) <= LOG_LEVELS.indexOf('warn')) void flush();
    },
  };
}
