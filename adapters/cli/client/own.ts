/** What a container asks for itself, at its own socket: `statevisor signal` and `statevisor drivers` (control API §6.4,
 *  §6.11). */

import { Refused } from '../../control/client.ts';
import { EXIT, type ExitCode, type Terminal } from '../output.ts';
import { gridText } from '../table.ts';
import type { DriverEntry } from './documents.ts';
import { type ClientFlags, NO_CONTENT, type Session, Stop, segmentOf, withSession } from './session.ts';

/** 4: nobody waits for a signal of this caller: the host, or a container whose goal is not READY. */
export function signal(flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ send, print, json }) => {
    try {
      await send('POST', '/signal', JSON.stringify({ type: 'ready', payload: '' }));
    } catch (error) {
      if (!(error instanceof Refused && error.message.startsWith('Signal not expected'))) throw error;
      throw new Stop(
        EXIT.refused,
        `${error.message}. It is for containers with status_goal READY to say, inside, once they run`,
      );
    }
    if (json) print(NO_CONTENT);
    return EXIT.ok;
  });
}

export function listDrivers(flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async (session) => {
    const { body, drivers } = await readDrivers(session);
    if (session.json) session.print(`${body}\n`);
    else if (drivers.length === 0) session.say(NONE);
    else {
      const rows = drivers.map(({ name, type, status }) => [name, type, status]);
      session.print(`${gridText(['DRIVER', 'TYPE', 'STATUS'], rows, session.paint)}\n`);
    }
    return EXIT.ok;
  });
}

const NONE = 'the caller has no drivers: those of a container are shown inside it';

/** Without an alias, all manual ones. 1 one could not be loaded · 3 it is no manual driver of the caller. */
export function moveDrivers(
  action: 'load' | 'unload',
  alias: string | undefined,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSession(flags, terminal, async (session) => {
    // The supervisor passes over what is none of its caller's, and says nothing.
    const manual = (await readDrivers(session)).drivers.filter(({ type }) => type === 'MANUAL');
    if (alias !== undefined && !manual.some(({ name }) => name === alias)) {
      const known =
        manual.length === 0 ? 'it has none' : `it has ${manual.map(({ name }) => name).join(', ')}`;
      throw new Stop(EXIT.notFound, `${alias} is no manual driver of the caller: ${known}`);
    }
    if (manual.length === 0) session.say(`nothing to ${action}: the caller has no manual drivers`);
    const place = alias === undefined ? '' : `/${segmentOf('driver', alias)}`;
    await session.send('PUT', `/drivers${place}/${action}`);
    if (session.json) session.print(NO_CONTENT);
    return EXIT.ok;
  });
}

async function readDrivers({ get }: Session) {
  const body = await get('/drivers');
  const read = JSON.parse(body) as readonly DriverEntry[] | object;
  return { body, drivers: Array.isArray(read) ? (read as readonly DriverEntry[]) : [] };
}
