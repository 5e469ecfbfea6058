/** Counts the actors of supervisors and tells which of them outlive their time. It costs a look at every event of the
 *  chart, so only some lives are counted. */

import type { AnyActorRef } from 'xstate';
import type { SupervisorOptions } from '../../actors/ports.ts';
import type { Create } from './runner.ts';

/** `leaks` grows while supervisors made by the result let go of what they have not yet ended. */
export function countingActors(create: Create, leaks: string[]): Create {
  return async (ports, options) => {
    const actors = new Set<AnyActorRef>();
    const running = (): string[] =>
      [...actors].filter((actor) => actor.getSnapshot().status === 'active').map(({ id }) => id);
    const inspect: SupervisorOptions['inspect'] = ({ type, actorRef }) => {
      if (type === '@xstate.actor') actors.add(actorRef as AnyActorRef);
    };
    const supervisor = await create(ports, { ...options, inspect });
    return {
      ...supervisor,
      detach: () => {
        // On a stopped device the tree stands, and nothing is under way in it.
        if (supervisor.phase() !== 'running') leaks.push(...running().filter(isUnderWay));
        supervisor.detach();
        leaks.push(...running());
      },
    };
  };
}

/** Ids that charts give to what they invoke: a process, or a state's own name for its task. */
function isUnderWay(id: string): boolean {
  return id === 'process' || id.includes('.');
}
