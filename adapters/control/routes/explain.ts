/** `GET /v1/explain` and `GET /v1/explain/{container}`: what it is, what it waits for, since when, until when, and what
 *  happens then. The arithmetic is in `machines/domain/explain.ts`. */

import type { LoadedState } from '../../../actors/control-ports.ts';
import { type ExplainInput, explainAll, explainContainer } from '../../../machines/domain/explain.ts';
import { clockDocument, explanationDocument } from '../../../machines/domain/status-document.ts';
import { type Call, type Reply, type Route, withState } from '../route.ts';

export const explainRoutes: readonly Route[] = [
  { method: 'GET', path: '/v1/explain', handle: withState(all) },
  { method: 'GET', path: '/v1/explain/{}', handle: withState(one) },
];

/** What the arithmetic needs, as it is now. */
export function explainInput({ supervisor, revision }: LoadedState, now: number): ExplainInput {
  return { revision, view: supervisor.view(), phase: supervisor.phase(), now };
}

function all(state: LoadedState, { control }: Call): Reply {
  const explanations = explainAll(explainInput(state, control.now())).map(explanationDocument);
  return { status: 200, json: JSON.stringify({ clock: clockOf(control), explanations }) };
}

/** 404 for a container that is not in the running revision. */
function one(state: LoadedState, { control, params: [raw = ''] }: Call): Reply {
  const name = decoded(raw);
  const explanation =
    name === undefined ? undefined : explainContainer(explainInput(state, control.now()), name);
  if (explanation === undefined) return { status: 404, error: 'Container not found' };
  return {
    status: 200,
    json: JSON.stringify({ clock: clockOf(control), ...explanationDocument(explanation) }),
  };
}

function clockOf(control: Call['control']) {
  return clockDocument({ now: control.now(), time: new Date(control.wallTime()).toISOString() });
}

/** Undefined for what is no percent-encoding. */
function decoded(raw: string): string | undefined {
  const path = raw.split('?', 1)[0] ?? '';
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
