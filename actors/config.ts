/** The configuration in force, which user metadata and the revision's OEM file change while the device runs. It starts
 *  with what the sources said; the merge is `machines/domain/config.ts`. */

import {
  type ConfigKey,
  type ConfigValue,
  complaintOf,
  entriesOf,
  explain,
  type Judged,
  type Level,
  type Saying,
  type Settled,
  settle,
} from '../machines/domain/config.ts';
import { isOfConfig } from '../machines/domain/config-sources.ts';
import { isSysctlName } from '../machines/domain/config-sysctl.ts';
import type { Fault } from '../machines/domain/fault.ts';
import type { Config } from './control-ports.ts';

export interface ChangingConfig extends Config {
  /** All that one level says from now on, in place of what it said: the OEM file of another revision. */
  replace(level: Level, sayings: readonly Saying[]): void;
}

/** `sayings` have been complained of where they were read; `complain` is told of what comes later, and must not throw. */
export function createConfig(
  sayings: readonly Saying[],
  complain: (fault: Fault) => void = () => undefined,
): ChangingConfig {
  return new MergedConfig(sayings, complain);
}

class MergedConfig implements ChangingConfig {
  #sayings: readonly Saying[];
  #settled: Settled;
  readonly #complain: (fault: Fault) => void;
  readonly #watchers = new Map<ConfigKey, Set<() => void>>();

  constructor(sayings: readonly Saying[], complain: (fault: Fault) => void) {
    this.#sayings = sayings;
    this.#settled = settle(sayings);
    this.#complain = complain;
  }

  value<Key extends ConfigKey>(key: Key): ConfigValue<Key> {
    return this.#settled.value(key);
  }

  entries() {
    return entriesOf(this.#settled);
  }

  explain(name: string) {
    return explain(name, this.#settled);
  }

  /** Merging anew without it restores value and level from before the override (logs and metadata §7.4), also when a
   *  lower level has changed meanwhile. */
  override(name: string, text: string | undefined): void {
    const others = this.#sayings.filter((said) => said.level !== 'metadata' || said.name !== name);
    if (text === undefined) {
      if (others.length < this.#sayings.length) this.#adopt(others);
      return;
    }
    const said: Saying = { level: 'metadata', place: 'user metadata', name, text };
    this.#adopt([...others, said], ({ level, name: judged }) => level === 'metadata' && judged === name);
  }

  replace(level: Level, sayings: readonly Saying[]): void {
    const others = this.#sayings.filter((said) => said.level !== level);
    this.#adopt([...others, ...sayings], (judged) => judged.level === level);
  }

  watch(key: ConfigKey, changed: () => void): () => void {
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers);
    // One function may watch for two.
    const watcher = () => changed();
    watchers.add(watcher);
    return () => {
      watchers.delete(watcher);
    };
  }

  /** @param isNew what has not been complained of yet */
  #adopt(sayings: readonly Saying[], isNew: (judged: Judged) => boolean = () => false): void {
    const before = this.#settled;
    this.#sayings = sayings;
    this.#settled = settle(sayings);
    for (const judged of this.#settled.judged) {
      if (isNew(judged) && !isOrdinaryMetadata(judged)) this.#tell(judged);
    }
    for (const [key, watchers] of this.#watchers) {
      if (before.value(key) === this.#settled.value(key)) continue;
      for (const watcher of [...watchers]) watcher();
    }
  }

  #tell(judged: Judged): void {
    const fault = complaintOf(judged);
    if (fault !== undefined) this.#complain(fault);
  }
}

/** Most user metadata is no configuration and does not mean to be. */
function isOrdinaryMetadata({ level, key, name }: Judged): boolean {
  return level === 'metadata' && key === undefined && !isSysctlName(name) && !isOfConfig(name);
}
