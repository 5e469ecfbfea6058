/** Kernel parameters among the configuration: `PV_SYSCTL_<A>_<B>` and the old `sysctl.a.b` (logs and metadata §7.3).
 *  Which file a name means depends on the directories that there are: `adapters/config/sysctl.ts` finds it. */

import type { Judged, Level, Saying } from './config.ts';

/** Not by metadata: whoever may write that must not reach `/proc/sys`. */
export const SYSCTL_LEVELS: readonly Level[] = ['pv conf file', 'policy', 'oem config', 'pv cmdline', 'env'];

export interface Sysctl extends Pick<Saying, 'name' | 'text' | 'place'> {
  /** Words of which some belong together, or the whole path. */
  readonly words: readonly string[];
  /** Whether the words are the components of the path as they stand. */
  readonly exact: boolean;
}

export function isSysctlName(name: string): boolean {
  return /^PV_SYSCTL_/i.test(name) || name.startsWith('sysctl.');
}

/** Why a name can mean no file below `/proc/sys`. */
export function sysctlNameFault(name: string): string | undefined {
  const { words } = wordsOf(name);
  const bad = words.find((word) => !/^[\w.-]+$/.test(word) || word === '.' || word === '..');
  return bad === undefined ? undefined : 'it names no kernel parameter';
}

/** Those that count, lowest level first: what is written later stays. */
export function sysctlsOf(judged: readonly Judged[]): readonly Sysctl[] {
  return judged
    .filter(({ key, counts, name }) => key === undefined && counts && isSysctlName(name))
    .map(({ name, text, place }) => ({ name, text, place, ...wordsOf(name) }));
}

function wordsOf(name: string): Pick<Sysctl, 'words' | 'exact'> {
  if (name.startsWith('sysctl.')) return { words: name.slice('sysctl.'.length).split('.'), exact: true };
  return { words: name.slice('PV_SYSCTL_'.length).toLowerCase().split('_'), exact: false };
}
