/** The short form of a revision, for lessons: groups and containers with the keys of the state JSON, everything a
 *  lesson does not speak of filled in. The result is the text of a complete state JSON (state format §1). */

import type { RevisionText } from './scenario-schema.ts';

/** Stands for every file of a lesson; nothing ever opens one. */
const NO_OBJECT = '0'.repeat(64);

export function expandRevision({ groups, containers = {}, drivers }: RevisionText): string {
  const state: Record<string, unknown> = { '#spec': 'pantavisor-service-system@1' };
  if (drivers !== undefined) state['bsp/drivers.json'] = { '#spec': 'driver-aliases@1', all: drivers };
  if (groups !== undefined) state['device.json'] = { groups };
  const onlyGroup = groups?.length === 1 ? { group: groups[0]?.name } : {};
  for (const [name, keys] of Object.entries(containers)) {
    state[`${name}/lxc.container.conf`] = NO_OBJECT;
    state[`${name}/root.squashfs`] = NO_OBJECT;
    state[`${name}/run.json`] = {
      '#spec': 'service-manifest-run@1',
      name,
      type: 'lxc',
      config: 'lxc.container.conf',
      'root-volume': 'root.squashfs',
      ...onlyGroup,
      ...(keys as Record<string, unknown>),
    };
  }
  return JSON.stringify(state, undefined, 2);
}
