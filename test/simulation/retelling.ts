/** A life retold for people: the revision in short form, the script, what the host decided, and every change. */

import type { Announcement } from '../../machines/domain/report.ts';
import type { GroupSketch, Plan } from './plan.ts';
import { nameOf } from './plan.ts';
import type { Life, Line } from './runner.ts';

export function tellLife(plan: Plan, { complaints, lines }: Life): string {
  return [
    'complaints',
    ...complaints.slice(0, 8).map((complaint) => `  ${complaint}`),
    'revision',
    ...plan.groups.flatMap(tellGroup),
    'what happened',
    ...tellLines(lines),
  ].join('\n');
}

const SHOWN = 150;

function tellLines(lines: readonly Line[]): string[] {
  if (lines.length <= 2 * SHOWN) return lines.map(tellLine);
  const [first, last] = [lines.slice(0, SHOWN), lines.slice(-SHOWN)];
  return [...first.map(tellLine), `  … ${lines.length - 2 * SHOWN} lines …`, ...last.map(tellLine)];
}

function tellGroup({ timeoutMs, containers }: GroupSketch, group: number): string[] {
  const timeout = timeoutMs === undefined ? 'default' : `${timeoutMs} ms`;
  return [
    `  g${group} (timeout ${timeout})`,
    ...containers.map(({ goal, controllable, recovery, drivers }, place) => {
      const parts = [
        goal,
        controllable ? '' : 'restart_policy system',
        drivers === 'none' ? '' : `driver ${drivers}`,
      ];
      const words = parts.filter((part) => part !== '').join(', ');
      return `    ${nameOf(group, place)}: ${words}${recovery === undefined ? '' : ` ${JSON.stringify(recovery)}`}`;
    }),
  ];
}

function tellLine({ at, from, what }: Line): string {
  const time = String(at).padStart(8);
  if (from === 'supervisor') return `${time}             ${tellAnnouncement(what as Announcement)}`;
  return `${time} ${from.padEnd(6)} ${typeof what === 'string' ? what : JSON.stringify(what)}`;
}

function tellAnnouncement(told: Announcement): string {
  switch (told.type) {
    case 'container': {
      const { name, status, stopReason, retries, intent, fault } = told.record;
      const reason = stopReason === undefined ? '' : ` (${stopReason})`;
      return [
        `${name}: ${told.from} → ${status}${reason}, ${told.goal}, ${intent}, retries ${retries}`,
        ...(fault === undefined ? [] : [fault.message.split('\n').slice(0, 3).join(' ')]),
      ].join(', ');
    }
    case 'group':
      return `group ${told.name}: ${told.status}, ${told.goal}`;
    case 'revision':
      return `revision: ${told.status}, ${told.goal}`;
    case 'failure':
      return `failure of ${told.container}: ${told.fault.code}`;
    case 'device':
      return `device: ${told.phase}`;
    default:
      return told satisfies never;
  }
}
