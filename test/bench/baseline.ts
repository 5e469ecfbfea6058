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
  /** Script that mounts everything anew, with nothing running: what was cached of the images is gone. */
  readonly remount: string;
}

/** LXC names control groups after containers, and tries one name after the other where the first is taken. */
export const SCRIPTED = 'script-';

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
  const mounting = [
    '#!/bin/sh',
    'set -e',
    'volumes_of() {',
    `  v=${volumes}/$1`,
    '  mkdir -p $v/root.squashfs $v/lxc-overlay $v/rootfs',
    `  mount -t squashfs -o loop,ro ${image} $v/root.squashfs`,
    '  mount -t tmpfs tmpfs $v/lxc-overlay',
    '  mkdir $v/lxc-overlay/upper $v/lxc-overlay/work',
    '  mount -t overlay -o lowerdir=$v/root.squashfs,upperdir=$v/lxc-overlay/upper,workdir=$v/lxc-overlay/work overlay $v/rootfs',
    '}',
  ];
  const start = [
    ...mounting,
    'one() {',
    '  volumes_of $1',
    `  lxc-start -P ${directory}/lxc -n ${SCRIPTED}$1 -f ${directory}/$1.conf -d -o ${directory}/$1.log -l INFO`,
    '}',
    ...groups.flatMap((group) => [
      ...group.map((name) => `one ${name} &`),
      'wait',
      ...group.map((name) => `lxc-wait -P ${directory}/lxc -n ${SCRIPTED}${name} -s RUNNING &`),
      'wait',
    ]),
  ];
  const unmount = (name: string): string =>
    `umount ${volumes}/${name}/rootfs ${volumes}/${name}/lxc-overlay ${volumes}/${name}/root.squashfs`;
  const remount = [...mounting, ...groups.flat().flatMap((name) => [unmount(name), `volumes_of ${name}`])];
  const stop = [
    '#!/bin/sh',
    `for name in ${groups.flat().join(' ')}; do`,
    `  (lxc-stop -k -P ${directory}/lxc -n ${SCRIPTED}$name`,
    `   ${unmount('$name')}) &`,
    'done',
    'wait',
  ];
  const scripts = { start, stop, remount };
  const write = (name: keyof typeof scripts): string => {
    const file = join(directory, `${name}.sh`);
    writeFileSync(file, `${scripts[name].join('\n')}\n`);
    return file;
  };
  return { start: write('start'), stop: write('stop'), remount: write('remount') };
}
