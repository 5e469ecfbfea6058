/** What there is to compare with: a shell script that does the same mounts and the same `lxc-start`s, all containers of
 *  a group in parallel, group after group, and waits for RUNNING. Nobody supervises what it starts. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lxcConfig } from '../support/device-revision.ts';

export interface Baseline {
  /** Script that starts everything and returns when it runs. */
  readonly start: string;
  /** Script that ends everything and takes the mounts down. */
  readonly stop: string;
}

/** `groups`: names of containers, group by group; `image`: their common root image. */
export function writeBaseline(
  directory: string,
  image: string,
  groups: readonly (readonly string[])[],
): Baseline {
  mkdirSync(join(directory, 'lxc'), { recursive: true });
  const volumes = join(directory, 'volumes');
  for (const name of groups.flat()) {
    const own = lxcConfig(name, volumes).split('\n');
    const config = [
      `lxc.rootfs.path = dir:${volumes}/${name}/rootfs`,
      ...own.slice(1),
      `lxc.uts.name = ${name}`,
    ];
    writeFileSync(join(directory, `${name}.conf`), config.join('\n'));
  }
  const start = [
    '#!/bin/sh',
    'set -e',
    'one() {',
    `  v=${volumes}/$1`,
    '  mkdir -p $v/root.squashfs $v/lxc-overlay $v/rootfs',
    `  mount -t squashfs -o loop,ro ${image} $v/root.squashfs`,
    '  mount -t tmpfs tmpfs $v/lxc-overlay',
    '  mkdir $v/lxc-overlay/upper $v/lxc-overlay/work',
    '  mount -t overlay -o lowerdir=$v/root.squashfs,upperdir=$v/lxc-overlay/upper,workdir=$v/lxc-overlay/work overlay $v/rootfs',
    `  lxc-start -P ${directory}/lxc -n $1 -f ${directory}/$1.conf -d -o ${directory}/$1.log -l INFO`,
    '}',
    ...groups.flatMap((group) => [
      ...group.map((name) => `one ${name} &`),
      'wait',
      ...group.map((name) => `lxc-wait -P ${directory}/lxc -n ${name} -s RUNNING &`),
      'wait',
    ]),
  ];
  const stop = [
    '#!/bin/sh',
    `for name in ${groups.flat().join(' ')}; do`,
    `  (lxc-stop -k -P ${directory}/lxc -n $name`,
    `   umount ${volumes}/$name/rootfs ${volumes}/$name/lxc-overlay ${volumes}/$name/root.squashfs) &`,
    'done',
    'wait',
  ];
  const scripts = { start: join(directory, 'start.sh'), stop: join(directory, 'stop.sh') };
  writeFileSync(scripts.start, `${start.join('\n')}\n`);
  writeFileSync(scripts.stop, `${stop.join('\n')}\n`);
  return scripts;
}
