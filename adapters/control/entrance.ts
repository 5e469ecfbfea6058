/** What leads into the supervisor from outside and from containers: the control sockets, and for containers whose goal is
 *  READY the FIFO beside theirs. */

import type { Fault } from '../../machines/domain/fault.ts';
import { toFault } from '../../machines/domain/fault.ts';
import type { Revision } from '../../machines/domain/revision.ts';
import { createDoors, type Serve, type Visitor } from './doors.ts';
import { createReadyFifos } from './ready-fifos.ts';

export interface EntranceOptions {
  readonly runDir: string;
  /** Loads what serves, at the first connection. */
  readonly load: () => Promise<Serve>;
  /** A container has said by its FIFO that it is ready. */
  readonly ready: (container: string) => void;
  readonly complain: (fault: Fault, visitor?: Visitor) => void;
}

export interface Entrance {
  /** Containers of this revision may come. @throws UNSUPPORTED a path that does not fit into a socket address */
  expect(revision: Pick<Revision, 'containers'>): void;
  openHost(): Promise<void>;
  /** Before the container starts, or when it is adopted. */
  open(container: string): Promise<void>;
  /** Once it has stopped. */
  close(container: string): void;
  closeAll(): Promise<void>;
}

export function createEntrance({ runDir, load, ready, complain }: EntranceOptions): Entrance {
  const doors = createDoors({ runDir, load, report: (error, visitor) => complain(toFault(error), visitor) });
  const expected = { ready: new Set<string>() };
  const fifos = createReadyFifos({
    runDir,
    expects: (container) => expected.ready.has(container),
    ready,
    complain,
  });
  return {
    expect: ({ containers }) => {
      doors.expect(containers.map(({ name }) => name));
      const waiting = containers.filter(({ statusGoal }) => statusGoal === 'READY');
      expected.ready = new Set(waiting.map(({ name }) => name));
    },
    openHost: doors.openHost,
    open: async (container) => {
      await doors.open(container);
      fifos.open(container);
    },
    close: (container) => {
      doors.close(container);
      fifos.close(container);
    },
    closeAll: async () => {
      fifos.closeAll();
      await doors.closeAll();
    },
  };
}
