/** `statevisor status` and `statevisor explain`: where everything stands, and why (R-12). */

import { Refused } from '../../control/client.ts';
import { EXIT, type ExitCode, type Paint, type Terminal } from '../output.ts';
import { containersText, gridText, type ShownContainer, statusText } from '../table.ts';
import type { ContainerDocument, ExplanationDocument, StatusDocument } from './documents.ts';
import { type ClientFlags, Stop, withSession } from './session.ts';

export interface ExplainFlags extends ClientFlags {
  /** Also those containers that rest at their goals. */
  readonly all?: boolean;
}

export function status(flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, print, json, paint }) => {
    const body = await get('/v1/status');
    print(json ? `${body}\n` : statusPage(JSON.parse(body) as StatusDocument, paint));
    return EXIT.ok;
  });
}

/** Without a name: the revision, its groups, and those containers that do not rest at their goals. Exit code 3: there is
 *  no such container. */
export function explain(
  name: string | undefined,
  flags: ExplainFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, print, json, paint }) => {
    const body =
      name === undefined
        ? await get('/v1/explain')
        : await get(`/v1/explain/${encodeURIComponent(name)}`).catch((error: unknown) => {
            if (!(error instanceof Refused && error.status === 404)) throw error;
            throw new Stop(EXIT.notFound, `${name}: ${error.message}; statevisor ps lists them`);
          });
    if (json) print(`${body}\n`);
    else if (name === undefined) {
      const { explanations } = JSON.parse(body) as { explanations: readonly ExplanationDocument[] };
      print(paragraphs(explanations, flags.all === true, paint));
    } else print(sentence(JSON.parse(body) as ExplanationDocument, paint));
    return EXIT.ok;
  });
}

function statusPage({ phase, revision, groups, clock }: StatusDocument, paint: Paint): string {
  const titles = ['GROUP', 'STATUS', 'GOAL', 'CONTAINERS', 'RESTART', 'STARTS'];
  const rows = groups.map((group) => [
    group.name,
    statusText(group.status, paint),
    group.goal,
    String(group.containers.length),
    group.restart_policy ?? '',
    group.unlocked ? 'yes' : 'waits for earlier groups',
  ]);
  const containers = groups.flatMap(({ unlocked, containers: members }) =>
    members.map((member) => shown(member, unlocked)),
  );
  return `${[
    `device    ${paint('bold', PHASES[phase])}`,
    `revision  ${paint('bold', revision.name)}: ${statusText(revision.status, paint)}, goal ${revision.goal}`,
    `          ${revision.text}`,
    '',
    gridText(titles, rows, paint),
    '',
    containersText(containers, clock.monotonic_ms, paint),
  ].join('\n')}\n`;
}

const PHASES: Readonly<Record<StatusDocument['phase'], string>> = {
  running: 'running',
  stopping: 'stopping',
  stopped: 'stopped',
  rebooting: 'rebooting',
  poweringOff: 'powering off',
};

function shown(document: ContainerDocument, unlocked: boolean): ShownContainer {
  const { name, group, goal, status: now, since_ms: since } = document;
  if (now === null || since === null) return { name, group, goal, unlocked, record: undefined };
  const record = {
    status: now,
    since,
    pid: document.pid ?? undefined,
    retries: document.retries,
    retryAt: document.retry_at_ms ?? undefined,
    killAt: document.kill_at_ms ?? undefined,
    goalDeadlineAt: document.goal_deadline_at_ms ?? undefined,
    stableAt: document.stable_at_ms ?? undefined,
    stopReason: document.stop_reason ?? undefined,
  };
  return { name, group, goal, unlocked, record };
}

/** Revision, groups, containers, each a paragraph; those of containers that somebody asks about. */
function paragraphs(explanations: readonly ExplanationDocument[], all: boolean, paint: Paint): string {
  const of = (kind: ExplanationDocument['kind']) => explanations.filter((one) => one.kind === kind);
  const containers = of('container');
  const told = all ? containers : containers.filter(isAskedAbout);
  const hidden = containers.length - told.length;
  const rest =
    hidden === 0
      ? []
      : [
          `${hidden === 1 ? '1 container rests at its goal' : `${hidden} containers rest at their goals`}; --all tells of ${hidden === 1 ? 'it' : 'them'} too.\n`,
        ];
  return [of('revision'), of('group'), told]
    .map((some) => some.map((one) => sentence(one, paint)).join(''))
    .concat(rest)
    .filter((paragraph) => paragraph !== '')
    .join('\n');
}

/** It has not reached its goal, or it waits for somebody to start it. */
function isAskedAbout({ goal, waits_for: waitsFor }: ExplanationDocument): boolean {
  return goal !== 'ACHIEVED' || waitsFor.length > 0;
}

function sentence({ kind, name, text }: ExplanationDocument, paint: Paint): string {
  const bold = kind === 'container' && text.startsWith(`${name} `);
  return bold ? `${paint('bold', name)}${text.slice(name.length)}\n` : `${text}\n`;
}
