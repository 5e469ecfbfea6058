/** Remount policies (state format §18): options laid over what is mounted in a container, by a mount hook that runs when
 *  LXC has mounted everything and before init runs.
 *
 *  Only what the kernel keeps for each mount is changed (ro, nosuid, nodev, noexec, nosymfollow, access times and
 *  propagation), for a container's file systems are also the host's and other containers'. Words such as `sync`, which
 *  belong to the file system, and `bind` and `move`, which make mounts, have no effect and are complained of.
 *
 *  Patterns are matched by grep -E in the hook, because that is the syntax they are written in. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Fault } from '../../machines/domain/fault.ts';
import type { RemountRule } from '../../machines/domain/revision.ts';

/** Writes the hook's script to `path`; gives the hook. */
export function placeRemount(
  name: string,
  rules: readonly RemountRule[],
  path: string,
  complain: (fault: Fault) => void,
): string {
  const idle = new Set(rules.flatMap(({ options }) => options.filter((word) => !takesEffect(word))));
  if (idle.size > 0) {
    const words = [...idle].join(', ');
    complain({
      code: 'UNSUPPORTED',
      message: `starting ${name}: options of its remount policy have no effect: ${words}`,
      subject: name,
      fix: 'They are not options of a single mount; leave them out.',
    });
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, remountScript(name, rules));
  return `sh ${quoted(path)}`;
}

const ATIME = ['noatime', 'relatime', 'strictatime'];
/** What a word replaces, and by what. */
const FLAGS: ReadonlyMap<string, { readonly drop: readonly string[]; readonly add: string }> = new Map([
  ...['suid', 'dev', 'exec', 'diratime'].flatMap((word): [string, { drop: string[]; add: string }][] => [
    [word, { drop: [`no${word}`], add: word }],
    [`no${word}`, { drop: [word], add: `no${word}` }],
  ]),
  ['ro', { drop: ['rw'], add: 'ro' }],
  ['rw', { drop: ['ro'], add: 'rw' }],
  ['nosymfollow', { drop: [], add: 'nosymfollow' }],
  ['noatime', { drop: ATIME, add: 'noatime' }],
  ['relatime', { drop: ATIME, add: 'relatime' }],
  ['strictatime', { drop: ATIME, add: 'strictatime' }],
  // mount(8): back to what the kernel does by itself.
  ['atime', { drop: ATIME, add: 'relatime' }],
  ['nostrictatime', { drop: ATIME, add: 'relatime' }],
  ['norelatime', { drop: ATIME, add: 'strictatime' }],
]);
const PROPAGATION = /^r?(shared|slave|private|unbindable)$/;

function takesEffect(word: string): boolean {
  return FLAGS.has(word) || PROPAGATION.test(word);
}

/** What the hook does: rules in order, each on every mount that it fits. A mount that cannot be changed ends its rule. */
export function remountScript(name: string, rules: readonly RemountRule[]): string {
  return [
    `# Made at each start of ${name} by its remount policy; changes are lost.`,
    APPLY,
    ...rules.map(call),
    '',
  ].join('\n');
}

function call({ pattern, options }: RemountRule): string {
  let drop: readonly string[] = [];
  let add: readonly string[] = [];
  for (const flag of options.flatMap((word) => FLAGS.get(word) ?? [])) {
    drop = [...drop, ...flag.drop];
    add = [...add.filter((word) => !flag.drop.includes(word)), flag.add];
  }
  const made = options.filter((word) => PROPAGATION.test(word)).map((word) => `--make-${word}`);
  const words = [pattern.replace(/\/$/, ''), ` ${drop.join(' ')} `, add.join(','), ...made];
  return `rule ${words.map(quoted).join(' ')}`;
}

/** The kernel's table writes blanks in octal. A bind remount sets all options anew, so those that stay are given too;
 *  none of access times means strictatime. */
const APPLY = `PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
root=\${LXC_ROOTFS_MOUNT%/}
rule() {
  pattern=$1 drop=$2 add=$3
  shift 3
  table=$(cat /proc/self/mountinfo)
  while read -r _ _ _ _ target options _; do
    case $target in "$root" | "$root"/*) ;; *) continue ;; esac
    path=$(printf %b "\${target#"$root"}")
    printf '@%s\\n' "$path" | grep -Eqx -e "@($pattern)" || continue
    change "$@" || {
      echo "remount: $path: the rule for $pattern ends here" >&2
      return
    }
  done <<TABLE
$table
TABLE
}
change() {
  for make; do mount "$make" "$root$path" || return 1; done
  [ -n "$add" ] || return 0
  all=$add
  for word in $(echo "$options" | tr , ' '); do
    case $drop in *" $word "*) ;; *) all=$word,$all ;; esac
  done
  case ,$all, in *,noatime,* | *,relatime,* | *,strictatime,*) ;; *) all=strictatime,$all ;; esac
  mount -o "remount,bind,$all" none "$root$path"
}`;

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
