/** What a command on one container is answered at once, before anything is done (lifecycle §7, §11). */

import type { ContainerSpec } from './revision.ts';
import type { Status } from './status.ts';

export type Answer =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: Refusal; readonly message: string };

/** `not-found` 404, `forbidden` 403, `conflict` 400 (signals: 500) on the control socket. */
export type Refusal = 'not-found' | 'forbidden' | 'conflict';

export interface Target {
  readonly spec: ContainerSpec;
  readonly status: Status;
}

export type ContainerOrder = 'container.stop' | 'container.start' | 'container.restart' | 'signal.ready';

export function answerTo(order: ContainerOrder, target: Target | undefined): Answer {
  if (order === 'signal.ready') return signalAnswer(target);
  const control = controllable(target?.spec);
  if (!control.ok || target === undefined) return control;
  const prepares = ['INSTALLED', 'BLOCKED', 'MOUNTED'].includes(target.status);
  if (order === 'container.start' && prepares) {
    return refuse('conflict', 'Container must be in STOPPED, STOPPING, or RECOVERING state to start');
  }
  if (order === 'container.restart' && prepares) {
    return refuse('conflict', 'Container state does not allow restart');
  }
  return { ok: true };
}

/** Whether a container takes orders at all: there, and of restart policy `container`. */
export function controllable(spec: ContainerSpec | undefined): Answer {
  if (spec === undefined) return refuse('not-found', 'Container not found');
  return spec.restartPolicy === 'container'
    ? { ok: true }
    : refuse('forbidden', "Container has restart_policy 'system' and cannot be controlled via API");
}

/** L-03: accepted in STARTING (latched), STARTED and READY. */
function signalAnswer(target: Target | undefined): Answer {
  const expected =
    target?.spec.statusGoal === 'READY' && ['STARTING', 'STARTED', 'READY'].includes(target.status);
  return expected ? { ok: true } : refuse('conflict', 'Signal not expected from this platform');
}

function refuse(code: Refusal, message: string): Answer {
  return { ok: false, code, message };
}
