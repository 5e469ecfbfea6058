/** What there is to compare with: a shell script that does the same mounts and the same `lxc-start`s, with the same
 *  configuration, all containers of a group in parallel, group after group, and waits for RUNNING. Nobody supervises
 *  what it starts. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Baseline {
  /** Script that starts everything and returns when it runs. */
  readonly start: string;
  /** Script that ends everything and takes the mounts down. */
  readonly stop: string;
}

/** `home`: where the supervisor has run the same revision; `groups`: names of containers, group by group. */
export function writeBaseline(
  directory: string,
  home: string,
  groups: readonly (readonly string[])[],
): Baseline {
  mkdirSync(join(directory, 'lxc'), { recursive: true });
  const volumes = join(directory, 'volumes');
  const image = join(home, 'root-0.squashfs');
  for (const name of groups.flat()) {
    const generated = readFileSync(join(home, 'run/lxc', name, 'config'), 'utf8');
    writeFileSync(join(directory, `${name}.conf`), generated.replaceAll(join(home, 'run/volumes'), volumes));
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
