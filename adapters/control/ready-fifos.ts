/** Readiness for who has nothing but a shell: `echo > /pantavisor/.ready`. A FIFO beside the control socket of each
 *  container whose goal is READY; which one was written to says who is ready, what was written says nothing. A writer
 *  waits while no supervisor reads, and is heard by the next one. */

import { Socket } from 'node:net';
import { join } from 'node:path';
import { type Fault, toFault } from '../../machines/domain/fault.ts';
import { makeFifo, openFifo } from '../host/fifo.ts';

export interface ReadyFifosOptions {
  readonly runDir: string;
  /** Whether its goal is READY; there is nothing to say for others. */
  readonly expects: (container: string) => boolean;
  /** At most once in each `PAUSE_MS`. */
  readonly ready: (container: string) => void;
  readonly complain: (fault: Fault) => void;
}

export interface ReadyFifos {
  /** Before the container starts, or when it is adopted. The door's directory is there. */
  open(container: string): void;
  /** Once the container has stopped. */
  close(container: string): void;
  closeAll(): void;
}

export const READY_FIFO = '.ready';
/** A container that writes without end costs one wake-up in this time. */
const PAUSE_MS = 250;

export function createReadyFifos({ runDir, expects, ready, complain }: ReadyFifosOptions): ReadyFifos {
  const open = new Map<string, Socket>();
  const close = (container: string) => {
    open.get(container)?.destroy();
    open.delete(container);
  };
  return {
    open(container) {
      if (!expects(container)) return;
      close(container);
      const path = join(runDir, 'doors', container, READY_FIFO);
      try {
        makeFifo(path, '0622', 'STORE_FAILED');
        const socket = new Socket({ fd: openFifo(path), readable: true, writable: false });
        socket.on('data', () => {
          ready(container);
          socket.pause();
          setTimeout(() => socket.resume(), PAUSE_MS).unref();
        });
        open.set(container, socket.unref());
      } catch (error) {
        // It still has its socket.
        complain(toFault(error));
      }
    },
    close,
    closeAll() {
      for (const container of [...open.keys()]) close(container);
    },
  };
}
