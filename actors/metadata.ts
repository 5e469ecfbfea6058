/** One kind of metadata: a list in memory, durable before it changes (R-09, control API §6.8). One writer: changes are
 *  carried out one after the other, in the order in which they were asked for. */

import { type Fault, SupervisorError, toFault } from '../machines/domain/fault.ts';
import { cutAtNul, keyFault, MAX_VALUE_BYTES, type MetadataEntry } from '../machines/domain/metadata.ts';
import { quoted } from '../machines/domain/shape.ts';
import { isLongerThan } from '../machines/domain/utf8.ts';
import type { Metadata, MetadataFiles } from './control-ports.ts';

export interface OwnMetadata extends Metadata {
  /** For facts that the supervisor finds out anew at each start: listed at once, written soon, not made to survive a
   *  power cut. Durability would buy nothing and cost a flush of the flash at every change of a status. A client may
   *  put or delete such a key; the next note of it wins. */
  note(key: string, value: string): void;
}

export interface MetadataOptions {
  readonly files: MetadataFiles;
  /** Told of every pair, at the beginning the oldest first, then each once it is durable; undefined when it is gone
   *  (`Config.override`). Must not throw. */
  readonly offer?: (key: string, value: string | undefined) => void;
  /** What could not be stored. Must not throw. */
  readonly complain: (fault: Fault) => void;
}

/** @throws STORE_FAILED when the files cannot be read */
export async function openMetadata({ files, offer, complain }: MetadataOptions): Promise<OwnMetadata> {
  /** Oldest first. */
  const list = new Map<string, MetadataEntry>();
  for (const entry of (await files.read()).toReversed()) {
    list.set(entry[0], entry);
    offer?.(...entry);
  }
  /** Keys whose file may differ from the list, because a change of it failed half-way. */
  const doubtful = new Set<string>();
  const notes = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = last.then(change);
    // Who asked for a change hears of its failure; those behind it go on.
    last = result.catch(() => undefined);
    return result;
  }

  async function attempt(key: string, change: () => Promise<void>): Promise<void> {
    doubtful.add(key);
    try {
      await change();
    } catch (error) {
      complain(toFault(error));
      throw error;
    }
    doubtful.delete(key);
  }

  async function writeNotes(): Promise<void> {
    for (const [key, value] of notes) {
      notes.delete(key);
      try {
        await attempt(key, () => files.writeVolatile(key, value));
      } catch {
        continue; // Complained of; the fact is listed all the same.
      }
      // A client may have changed the key since it was noted.
      if (!notes.has(key)) list.set(key, [key, value]);
    }
  }

  return {
    entries: () => [...list.values()].reverse(),
    get: (key) => list.get(key)?.[1],

    async put(key, value) {
      const text = cutAtNul(value);
      refuse(key, text);
      await inTurn(async () => {
        if (list.get(key)?.[1] === text && !doubtful.has(key)) return;
        await attempt(key, () => files.write(key, text));
        list.set(key, [key, text]);
        offer?.(key, text);
      });
    },

    delete: (key) =>
      inTurn(async () => {
        if (!list.has(key) && !doubtful.has(key)) return false;
        await attempt(key, () => files.remove(key));
        offer?.(key, undefined);
        return list.delete(key);
      }),

    note(key, value) {
      if (list.get(key)?.[1] === value && !doubtful.has(key)) return;
      list.set(key, [key, value]);
      if (notes.size === 0) void inTurn(writeNotes);
      notes.set(key, value);
    },
  };
}

/** Stands in when the stored metadata cannot be read: the device runs, and who asks is told why not. */
export function unavailableMetadata(fault: Fault): OwnMetadata {
  const refuseAll = () => {
    throw new SupervisorError(fault.code, fault.message, fault);
  };
  return {
    entries: refuseAll,
    get: () => undefined,
    put: async () => refuseAll(),
    delete: async () => refuseAll(),
    note: () => undefined,
  };
}

function refuse(key: string, value: string): void {
  const fault =
    keyFault(key) ??
    (isLongerThan(value, MAX_VALUE_BYTES) ? `the value is longer than ${MAX_VALUE_BYTES} bytes` : undefined);
  if (fault === undefined) return;
  const shown = quoted(key);
  throw new SupervisorError('REFUSED', `storing metadata ${shown}: ${fault}`, {
    subject: shown,
    fix: 'Keys have 1 to 255 bytes without "/" and control characters, values at most 4096 bytes',
  });
}
