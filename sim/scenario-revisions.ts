/** The revisions of a scenario: the one that the device begins with, and what `revisions` and `storage` say of its store. */

import type { ConfigKey, Saying } from '../machines/domain/config.ts';
import type { Revision } from '../machines/domain/revision.ts';
import { parseState } from '../machines/domain/state-json.ts';
import { isRevisionName } from '../machines/domain/step-name.ts';
import type { HostConduct } from './conduct.ts';
import { hostConduct } from './scenario-host.ts';
import type { ProblemList } from './scenario-problems.ts';
import type { HostText, RevisionText, ScenarioText, StoredRevisionText } from './scenario-schema.ts';
import { expandRevision } from './short-revision.ts';

/** A revision with the state JSON that it was read from. */
export interface Written {
  readonly revision: Revision;
  readonly text: string;
}

/** A store, a boot loader and hooks. */
export interface Storage {
  /** The one that the device begins with is `0`, whole, good and recorded DONE. */
  readonly revisions: ReadonlyMap<string, StoredRevision>;
  /** How many objects fit; undefined: more than there are. */
  readonly room: number | undefined;
  /** Beginnings of writes and of hooks (`progress locals/next DONE`, `hook system-install-update`), and how often they
   *  fail. */
  readonly fails: ReadonlyMap<string, number>;
  /** What the configuration file of the device says. */
  readonly sayings: readonly Saying[];
}

export interface StoredRevision extends Written {
  /** There from the beginning; else a client may install it. */
  readonly installed: boolean;
  /** Objects that nobody has. */
  readonly missing: ReadonlySet<string>;
  /** Objects whose content is not what their name says. */
  readonly broken: ReadonlySet<string>;
  readonly signature: 'good' | 'bad';
  /** While it runs. */
  readonly conduct: HostConduct;
}

/** With nothing but the revision that the device begins with. */
export function emptyStorage(goalTimeoutMs: number): Storage {
  return {
    revisions: new Map(),
    room: undefined,
    fails: new Map(),
    sayings: say('PV_UPDATER_GOALS_TIMEOUT', seconds(goalTimeoutMs)),
  };
}

type Path = readonly (string | number)[];
export type OpenFile = (path: string) => Promise<string>;

/** Undefined where there is a problem. */
export async function readWritten(
  text: RevisionText,
  path: Path,
  problems: ProblemList,
  open: OpenFile,
): Promise<Written | undefined> {
  const json = await stateText(text, path, problems, open);
  if (json === undefined) return undefined;
  const parsed = parseState(json);
  if (parsed.ok) return { revision: parsed.revision, text: json };
  for (const problem of parsed.problems) {
    problems.add(path, `makes a state that is refused at ${problem.path}: ${problem.reason}`, problem.fix);
  }
  return undefined;
}

async function stateText(
  text: RevisionText,
  path: Path,
  problems: ProblemList,
  open: OpenFile,
): Promise<string | undefined> {
  const short = text.containers !== undefined || text.groups !== undefined || text.drivers !== undefined;
  const forms = [text.state !== undefined, text.file !== undefined, short].filter(Boolean).length;
  if (forms !== 1) {
    const reason = forms === 0 ? 'says nothing' : 'is given in more than one form';
    problems.add(path, reason, 'Give a state, or a file, or groups and containers');
    return undefined;
  }
  if (text.file === undefined) {
    return text.state === undefined ? expandRevision(text) : JSON.stringify(text.state);
  }
  try {
    return await open(text.file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.add([...path, 'file'], `cannot be read: ${why}`, 'Paths are relative to the scenario file');
    return undefined;
  }
}

/** The further revisions as they are written. */
export async function readFurther(
  { revisions = {} }: ScenarioText,
  problems: ProblemList,
  open: OpenFile,
): Promise<ReadonlyMap<string, Written>> {
  const found = new Map<string, Written>();
  for (const [name, text] of Object.entries(revisions)) {
    const path = ['revisions', name];
    if (name === '0' || !isRevisionName(name)) {
      const reason = name === '0' ? '0 is the one of "revision"' : `"${name}" is no name of a revision`;
      problems.add(path, reason, 'Write it like locals/next');
    }
    const { installed: _i, missing: _m, broken: _b, signature: _s, host: _h, ...written } = text;
    const read = await readWritten(written, path, problems, open);
    if (read !== undefined) found.set(name, read);
  }
  return found;
}

/** Undefined: the device has none. `names`: every container there is. */
export function readStorage(
  text: ScenarioText,
  further: ReadonlyMap<string, Written>,
  names: readonly string[],
  problems: ProblemList,
): Storage | undefined {
  if (text.revisions === undefined && text.storage === undefined) return undefined;
  const { room, fails = {} } = text.storage ?? {};
  const revisions = new Map<string, StoredRevision>();
  for (const [name, written] of further) {
    const own = text.revisions?.[name] ?? {};
    const path = ['revisions', name];
    for (const container of Object.keys(own.host ?? {})) {
      problems.checkName([...path, 'host', container], 'container', container, names);
    }
    const objects = (key: 'missing' | 'broken') => objectsOf(own, key, written, path, problems);
    revisions.set(name, {
      ...written,
      installed: own.installed ?? true,
      missing: objects('missing'),
      broken: objects('broken'),
      signature: own.signature ?? 'good',
      conduct: hostConduct(mergedHost(text.host ?? {}, own), names),
    });
  }
  return { revisions, room, fails: new Map(Object.entries(fails)), sayings: sayingsOf(text) };
}

function objectsOf(
  text: StoredRevisionText,
  key: 'missing' | 'broken',
  { revision: { files } }: Written,
  path: Path,
  problems: ProblemList,
): ReadonlySet<string> {
  const objects = new Set<string>();
  const known = [...files].flatMap(([name, file]) => (file.kind === 'object' ? [name] : []));
  for (const name of text[key] ?? []) {
    const file = files.get(name);
    if (file?.kind === 'object') objects.add(file.id);
    else problems.checkName([...path, key], 'object', name, known);
  }
  return objects;
}

function mergedHost(host: HostText, { host: own = {} }: StoredRevisionText): HostText {
  const containers = { ...host.containers };
  for (const [name, ways] of Object.entries(own)) containers[name] = { ...containers[name], ...ways };
  return { ...host, containers };
}

/** `goal_timeout` is the one of `PV_UPDATER_GOALS_TIMEOUT`, in whole seconds there. */
function sayingsOf({ goal_timeout, storage = {} }: ScenarioText): readonly Saying[] {
  const { commit_delay, rollback_reboot, keep_factory } = storage;
  return [
    ...say('PV_UPDATER_GOALS_TIMEOUT', seconds(goal_timeout)),
    ...say('PV_UPDATER_COMMIT_DELAY', seconds(commit_delay)),
    ...say('PV_UPDATER_ROLLBACK_REBOOT', rollback_reboot),
    ...say('PV_STORAGE_GC_KEEP_FACTORY', keep_factory),
  ];
}

function say(name: ConfigKey, value: number | boolean | undefined): readonly Saying[] {
  if (value === undefined) return [];
  return [{ level: 'pv conf file', place: 'the scenario', name, text: String(Number(value)) }];
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / 1000);
}
