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
  for (const [name, { version, ...keys }] of Object.entries(containers)) {
    state[`${name}/lxc.container.conf`] = NO_OBJECT;
    state[`${name}/root.squashfs`] = version === undefined ? NO_OBJECT : objectOf(name, version);
    state[`${name}/run.json`] = {
      '#spec': 'service-manifest-run@1',
      name,
      type: 'lxc',
      config: 'lxc.container.conf',
      'root-volume': 'root.squashfs',
      ...onlyGroup,
      ...keys,
    };
  }
  return JSON.stringify(state);
}

/** The root file system of a container in that version. */
function objectOf(container: string, version: number): string {
  const digits = Array.from(container, (letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join(
    '',
  );
  return `${digits}${version.toString(16).padStart(8, '0')}`.slice(-64).padStart(64, '0');
}
