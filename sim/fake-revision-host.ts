/** The fake host as revisions see it: each gets an attachment of its own, with the records of what runs on into it. What an
 *  earlier supervisor of the same boot ran is remembered until the power goes. */

import type {
  Handover,
  LoadedRevision,
  PastRun,
  RevisionHost,
  RevisionName,
} from '../actors/update-ports.ts';
import type { Answer } from '../machines/domain/control.ts';
import type { Gate } from './fake-store.ts';
import type { Attachment, FakeHost } from './host.ts';

export interface FakeRevisionHostOptions {
  readonly host: FakeHost;
  /** Asked before each revision is opened: `open locals/b`. */
  readonly gate?: Gate;
}

/** The life of one supervisor on it. */
export interface RevisionLife {
  readonly port: RevisionHost;
  /** Timers that its supervisors armed and that would still fire. */
  readonly pendingTimers: number;
  /** The supervisor's process is gone, its containers are not. */
  cut(): void;
}

export interface FakeRevisionHost {
  /** `signalReady`: where readiness signals from inside go. */
  begin(signalReady: (container: string) => Answer): RevisionLife;
  /** What a power cycle leaves: nothing. */
  powerCycle(): void;
}

export function createFakeRevisionHost({ host, gate }: FakeRevisionHostOptions): FakeRevisionHost {
  const memory: { past?: PastRun | undefined } = {};
  const opened = async (
    { name }: LoadedRevision,
    handover: Handover | undefined,
    attach: () => Attachment,
  ): Promise<Attachment> => {
    await gate?.(`open ${name}`);
    const before: RevisionName | undefined = handover === undefined ? memory.past?.before : handover.before;
    memory.past = { running: name, before };
    return attach();
  };
  return {
    begin: (signalReady) => {
      const attachments = new Set<Attachment>();
      const life = { over: false };
      return {
        port: {
          past: async () => memory.past,
          open: async (next, handover) => {
            const attachment = await opened(next, handover, () => host.attach(signalReady));
            if (life.over) attachment.cut();
            attachments.add(attachment);
            const { ports } = attachment;
            const journal =
              handover === undefined
                ? ports.journal
                : { ...ports.journal, read: async () => handover.records };
            return {
              ports: { ...ports, journal },
              close: () => {
                attachment.cut();
                attachments.delete(attachment);
              },
            };
          },
        },
        get pendingTimers() {
          return [...attachments].reduce((sum, { pendingTimers }) => sum + pendingTimers, 0);
        },
        cut: () => {
          life.over = true;
          for (const attachment of attachments) attachment.cut();
        },
      };
    },
    powerCycle: () => {
      memory.past = undefined;
      host.powerCycle();
    },
  };
}
