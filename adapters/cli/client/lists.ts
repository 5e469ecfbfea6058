/** `statevisor ps` and `statevisor groups`: what `GET /containers` and `GET /groups` list (control API §6.1, §6.3). */

import type { ExitCode, Paint, Terminal } from '../output.ts';
import { EXIT } from '../output.ts';
import { gridText, statusText } from '../table.ts';
import type { ContainerEntry, GroupEntry } from './documents.ts';
import { type ClientFlags, withSession } from './session.ts';

export interface PsFlags extends ClientFlags {
  /** Names only. */
  readonly quiet?: boolean;
}

export function ps(flags: PsFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, print, json, paint }) => {
    const body = await get('/containers');
    if (json) print(`${body}\n`);
    else {
      const containers = JSON.parse(body) as readonly ContainerEntry[];
      print(
        flags.quiet === true
          ? containers.map(({ name }) => `${name}\n`).join('')
          : containersText(containers, paint),
      );
    }
    return EXIT.ok;
  });
}

export function groups(flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, print, json, paint }) => {
    const body = await get('/groups');
    print(json ? `${body}\n` : groupsText(JSON.parse(body) as readonly GroupEntry[], paint));
    return EXIT.ok;
  });
}

function containersText(containers: readonly ContainerEntry[], paint: Paint): string {
  const titles = ['CONTAINER', 'GROUP', 'STATUS', 'GOAL', 'RESTART', 'ROLES', 'RECOVERY', 'RETRIES'];
  const rows = containers.map((entry) => [
    entry.name,
    entry.group ?? '',
    statusText(entry.status, paint, entry.user_stopped === 'true' ? `${entry.status} by user` : entry.status),
    entry.status_goal,
    entry.restart_policy,
    entry.roles.join(','),
    entry.auto_recovery?.policy ?? 'no',
    retries(entry),
  ]);
  return `${gridText(titles, rows, paint)}\n`;
}

/** No limit is written as 0. */
function retries({ auto_recovery: recovery }: ContainerEntry): string {
  if (recovery === undefined) return '';
  const { current_retries: count, max_retries: limit } = recovery;
  return limit === 0 ? String(count) : `${count} of ${limit}`;
}

function groupsText(entries: readonly GroupEntry[], paint: Paint): string {
  const titles = ['GROUP', 'STATUS', 'GOAL', 'RESTART', 'RETRIES', 'STABLE', 'BACKOFF'];
  const rows = entries.map(({ name, status, status_goal, restart_policy, auto_recovery: recovery }) => [
    name,
    statusText(status, paint),
    status_goal,
    restart_policy,
    ...(recovery === undefined
      ? ['', '', '']
      : [String(recovery.max_retries), `${recovery.stable_timeout}s`, recovery.backoff_policy]),
  ]);
  return `${gridText(titles, rows, paint)}\n`;
}
