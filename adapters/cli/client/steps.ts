/** `statevisor steps`: the revisions that are installed (control API §6.7). */

import { EXIT, type ExitCode, type Paint, type Terminal } from '../output.ts';
import { gridText } from '../table.ts';
import type { StepEntry } from './documents.ts';
import { orNoRevision, readState, stepPath } from './revision-names.ts';
import { type ClientFlags, NO_CONTENT, withSession } from './session.ts';

export function listSteps(flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, print, json, paint }) => {
    const body = await get('/steps');
    print(json ? `${body}\n` : stepsText(JSON.parse(body) as readonly StepEntry[], paint));
    return EXIT.ok;
  });
}

/** The state JSON, byte by byte. 3 no such revision. */
export function getStep(name: string, flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async (session) => {
    session.print(await readState(session, name));
    return EXIT.ok;
  });
}

/** `TESTING 75 %: Awaiting to see if update is stable`, and the error lines of an update that failed. 3 no such revision,
 *  or nothing is recorded of it. */
export function stepProgress(name: string, flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, print, json, paint }) => {
    const body = await orNoRevision(name, () => get(stepPath(name, '/progress')));
    if (json) print(`${body}\n`);
    else {
      const {
        status = '',
        progress = 0,
        logs = '',
        'status-msg': message = '',
      } = JSON.parse(body) as Progress;
      print(`${coloured(status, paint)} ${progress} %: ${message}\n`);
      print(logs === '' || logs.endsWith('\n') ? logs : `${logs}\n`);
    }
    return EXIT.ok;
  });
}

interface Progress {
  readonly status?: string;
  readonly 'status-msg'?: string;
  readonly progress?: number;
  /** Lines of JSON. */
  readonly logs?: string;
}

/** 1 the text is longer than 256 bytes · 3 no such revision. */
export function commentStep(
  name: string,
  text: string,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSession(flags, terminal, async (session) => {
    // The supervisor would make a directory for it.
    await readState(session, name);
    await session.send('PUT', stepPath(name, '/commitmsg'), text);
    if (session.json) session.print(NO_CONTENT);
    return EXIT.ok;
  });
}

function stepsText(steps: readonly StepEntry[], paint: Paint): string {
  const rows = steps.map(({ name, date, commitmsg, progress }) => [
    name,
    date,
    coloured(progress.status ?? '', paint),
    progress['status-msg'] ?? '',
    commitmsg.replaceAll(/\s+/g, ' ').trim(),
  ]);
  return `${gridText(['REVISION', 'DATE', 'STATUS', 'MESSAGE', 'COMMENT'], rows, paint)}\n`;
}

function coloured(status: string, paint: Paint): string {
  if (status === 'ERROR' || status === 'WONTGO') return paint('red', status);
  return status === 'DONE' || status === 'UPDATED' ? paint('green', status) : status;
}
