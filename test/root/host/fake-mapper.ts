/** A device mapper for kernels without one: programs `cryptsetup` and `veritysetup` that write down how they are called
 *  and show the image as it is, over a loop device. Everything around the cipher is real. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FakeMapper {
  readonly searchPath: string;
  readonly mapper: string;
  /** Lines of the programs' arguments since the last call. */
  calls(): readonly string[];
}

export function fakeMapper(root: string): FakeMapper {
  const bin = join(root, 'bin');
  const mapper = join(root, 'mapper');
  const log = join(root, 'calls');
  mkdirSync(bin, { recursive: true });
  mkdirSync(mapper, { recursive: true });
  writeFileSync(join(mapper, 'control'), '');
  const script = (open: string) => `#!/bin/sh -e
echo "$(basename "$0") $*" >> ${log}
for last; do :; done
case "$1" in
close) losetup -d "$(readlink ${mapper}/"$last")"; rm ${mapper}/"$last" ;;
*) ${open} ;;
esac
`;
  // cryptsetup open … IMAGE NAME; with a key other than the first one that is used it shows nothing but zeros.
  const crypt = `while [ "$1" != --key-file ]; do shift; done
  key=$2; image=$3
  if [ ! -e "$image.key" ]; then cp "$key" "$image.key"; fi
  if ! cmp -s "$key" "$image.key"; then truncate -s 1M ${root}/zeros; image=${root}/zeros; fi
  ln -s "$(losetup -f --show "$image")" ${mapper}/"$last"`;
  // veritysetup open DATA NAME HASH ROOTHASH
  const verity = `[ -s "$4" ] || { echo "no hashes in $4" >&2; exit 1; }
  ln -s "$(losetup -r -f --show "$2")" ${mapper}/"$3"`;
  writeFileSync(join(bin, 'cryptsetup'), script(crypt), { mode: 0o755 });
  writeFileSync(join(bin, 'veritysetup'), script(verity), { mode: 0o755 });
  return {
    mapper,
    searchPath: `${bin}:${process.env['PATH'] ?? ''}`,
    calls() {
      const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
      execFileSync('rm', ['-f', log]);
      return text.replaceAll(root, '').split('\n').slice(0, -1);
    },
  };
}
