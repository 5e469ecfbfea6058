/** `GET /v1/update`: the update that is under way, how long its present phase may last and what comes next. */

import type { Revisions } from '../../../actors/control-ports.ts';
import { clockDocument } from '../../../machines/domain/status-document.ts';
import { updateDocument } from '../../../machines/domain/update-view.ts';
import { type Call, type Reply, type Route, withRevisions } from '../route.ts';

export const updateRoutes: readonly Route[] = [
  { method: 'GET', path: '/v1/update', handle: withRevisions(show) },
];

async function show(revisions: Revisions, { control }: Call): Promise<Reply> {
  const view = await revisions.update();
  const clock = clockDocument({ now: control.now(), time: new Date(control.wallTime()).toISOString() });
  const update = view === undefined ? null : updateDocument(view);
  return { status: 200, json: JSON.stringify({ clock, update }) };
}
