/** Abstract drivers: which aliases the BSP offers on this device, what a module line asks for, and what a container's
 *  needs come to. Loading is a port's business (state format §12). */

import type { ContainerSpec, DriverSection } from './revision.ts';

/** What the boot loader reported; decides which sections count. */
export interface ActiveSections {
  readonly deviceTree: string | undefined;
  readonly overlays: readonly string[];
  readonly fitConfig: string | undefined;
}

export type Aliases = ReadonlyMap<string, readonly string[]>;

/** State format §12.1, S-22: exact prefix, exact name. */
export function sectionIsActive(
  { scope, match }: Pick<DriverSection, 'scope' | 'match'>,
  active: ActiveSections,
): boolean {
  switch (scope) {
    case 'all':
      return true;
    case 'dtb':
      return active.deviceTree === match;
    case 'ovl':
      return active.overlays.includes(match);
    case 'fitconfig':
      return active.fitConfig === match;
    default:
      return scope satisfies never;
  }
}

/** Alias → module lines. A later active section overrides an alias whole (state format §12.1). */
export function activeAliases(sections: readonly DriverSection[], active: ActiveSections): Aliases {
  return new Map(
    sections.filter((section) => sectionIsActive(section, active)).flatMap(({ aliases }) => [...aliases]),
  );
}

/** Values of metadata keys; undefined when a key is not set. */
export interface Metadata {
  userMeta(key: string): string | undefined;
  deviceMeta(key: string): string | undefined;
}

export type ModuleLine =
  | { readonly ok: true; readonly module: string; readonly parameters: readonly string[] }
  | { readonly ok: false; readonly reason: string; readonly fix: string };

/** `<module>[ <parameter>…]` with `${user-meta:k}` and `${device-meta:k}` replaced by their values, empty when not set
 *  (S-23, S-24); then split at spaces, without a shell. Any other `$` is a failure of the load (state format §12.2). */
export function moduleLine(line: string, metadata: Metadata): ModuleLine {
  const strange = line.replace(/\$\{(?:user|device)-meta:[^{}$]*\}/g, '');
  if (strange.includes('$')) {
    const reason = `the module line ${JSON.stringify(line)} has a "$" that begins no known parameter`;
    return {
      ok: false,
      reason,
      fix: `Write $\{user-meta:<key>} or $\{device-meta:<key>} in bsp/drivers.json`,
    };
  }
  const substituted = line.replace(
    /\$\{(user|device)-meta:([^{}$]*)\}/g,
    (_, source: string, key: string) =>
      (source === 'user' ? metadata.userMeta(key) : metadata.deviceMeta(key)) ?? '',
  );
  const [module, ...parameters] = substituted.split(/\s+/).filter((word) => word !== '');
  if (module === undefined) {
    return { ok: false, reason: 'the module line is empty', fix: 'Name a module in bsp/drivers.json' };
  }
  const option = [module, ...parameters].find((word) => word.startsWith('-'));
  if (option !== undefined) {
    const reason = `${JSON.stringify(option)} in the module line would be an option of modprobe`;
    return { ok: false, reason, fix: 'Name modules and parameters only' };
  }
  if (/^[/.]/.test(module)) {
    const reason = `${JSON.stringify(module)} in the module line would be a file for modprobe`;
    return { ok: false, reason, fix: 'Name a module; which file it is in, modules.dep says' };
  }
  return { ok: true, module, parameters };
}

/** What one alias of a container comes to (state format §12.4).
 *  `load`: before the start. `skip`: optional and not offered. `fail`: required and not offered, so the start fails
 *  (R-03, S-05). `onRequest`: manual. `refuse`: manual and not offered; a request is answered with 400. */
export interface DriverDecision {
  readonly alias: string;
  readonly kind: 'required' | 'optional' | 'manual';
  readonly verdict: 'load' | 'skip' | 'fail' | 'onRequest' | 'refuse';
  /** Empty when the alias is not offered. */
  readonly lines: readonly string[];
}

const VERDICTS = {
  required: { offered: 'load', absent: 'fail' },
  optional: { offered: 'load', absent: 'skip' },
  manual: { offered: 'onRequest', absent: 'refuse' },
} as const;

/** The decisions in load order: required, optional, manual. A container with goal MOUNTED loads nothing. */
export function driverNeeds(container: ContainerSpec, aliases: Aliases): readonly DriverDecision[] {
  const kinds = ['required', 'optional', 'manual'] as const;
  return kinds.flatMap((kind) => {
    if (kind !== 'manual' && container.statusGoal === 'MOUNTED') return [];
    return container.drivers[kind].map((alias): DriverDecision => {
      const lines = aliases.get(alias);
      return { alias, kind, verdict: VERDICTS[kind][lines ? 'offered' : 'absent'], lines: lines ?? [] };
    });
  });
}

/** One alias of a container, as the control API shows it (control API §6.11). */
export interface DriverView {
  readonly name: string;
  readonly type: 'REQUIRED' | 'OPTIONAL' | 'MANUAL';
  /** UNKNOWN: the BSP offers no driver of that alias. */
  readonly status: 'LOADED' | 'UNLOADED' | 'UNKNOWN';
}
