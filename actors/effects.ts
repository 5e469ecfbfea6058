/** Ports that know what is still under way, so that they are not taken from a supervisor in the middle of it: a mount that
 *  is given up has yet to be undone when its supervisor has already let go. */

import type { Ports } from './ports.ts';

export interface WatchedPorts {
  readonly ports: Ports;
  /** Resolves when nothing of it is under way. Never rejects. */
  idle(): Promise<void>;
}

export function watchEffects(ports: Ports): WatchedPorts {
  const open = new Set<Promise<void>>();
  const watch = (effect: Promise<void>): Promise<void> => {
    const ended = effect.then(
      () => undefined,
      () => undefined,
    );
    open.add(ended);
    void ended.then(() => open.delete(ended));
    return effect;
  };
  const { mounter, modules } = ports;
  return {
    ports: {
      ...ports,
      mounter: {
        mount: (container, signal) => watch(mounter.mount(container, signal)),
        unmount: (container) => watch(mounter.unmount(container)),
        sweep: (keep) => mounter.sweep(keep),
      },
      modules: {
        load: (request, signal) => watch(modules.load(request, signal)),
        unload: (module) => watch(modules.unload(module)),
      },
    },
    idle: async () => {
      while (open.size > 0) await Promise.all(open);
    },
  };
}
