/** Revisions with everything that is installed in a way of its own: linked objects, copied ones, inline JSON, and what the
 *  boot loader starts. */

import { createHash } from 'node:crypto';

export interface Content {
  /** State JSON. */
  readonly text: string;
  /** What each object contains, by its id. */
  readonly objects: ReadonlyMap<string, string>;
}

export interface Versions {
  readonly kernel: number;
  /** By container. */
  readonly containers: Readonly<Record<string, number>>;
}

export function contentOfRevision({ kernel, containers }: Versions): Content {
  const objects = new Map<string, string>();
  const object = (content: string): string => {
    const id = createHash('sha256').update(content).digest('hex');
    objects.set(id, content);
    return id;
  };
  const state: Record<string, unknown> = {
    '#spec': 'pantavisor-service-system@1',
    'bsp/run.json': { linux: 'kernel', initrd: 'pantavisor' },
    'bsp/kernel': object(`kernel ${kernel}`),
    'bsp/pantavisor': object('initrd'),
  };
  for (const [name, version] of Object.entries(containers)) {
    state[`${name}/run.json`] = {
      name,
      type: 'lxc',
      config: 'lxc.container.conf',
      group: 'app',
      auto_recovery: { policy: 'no' },
      'root-volume': 'root.squashfs',
    };
    state[`${name}/root.squashfs`] = object(`root of ${name}, version ${version}`);
    state[`${name}/lxc.container.conf`] = object(`configuration of ${name}`);
    state[`${name}/settings.bind`] = object(`settings of ${name}, version ${version}`);
    state[`_config/${name}/etc/version.json`] = { version };
  }
  return { text: JSON.stringify(state), objects };
}
