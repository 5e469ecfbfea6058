/** Two revisions → reboot or live change, and why (lifecycle §12). Decides only; nothing is stopped here (L-11).
 *  Files are compared by raw text or object id; what belongs to no file of the model never matters. */

import type { ContainerSpec, RestartPolicy, Revision, RevisionFile } from './revision.ts';

/** One differing path and what follows from it. */
export interface Reason {
  readonly path: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** The container whose file it is and whose policy decided; undefined for a file of the device. */
  readonly container: string | undefined;
  readonly policy: RestartPolicy | undefined;
  /** `start`: of a container that is new. `stop`: of one that the next revision does not have. */
  readonly effect: 'reboot' | 'restart' | 'start' | 'stop';
}

export type Plan =
  /** `because` has the paths that ask for the reboot only. */
  | { readonly kind: 'reboot'; readonly because: readonly Reason[] }
  | {
      readonly kind: 'live';
      /** Of the running revision, to be taken down first: stopped if they run, volumes unmounted (L-10). */
      readonly stop: readonly string[];
      /** Of the next revision, to be put up afterwards: replaced ones and new ones. */
      readonly start: readonly string[];
      /** In both; they keep process, status, counters and mounts. */
      readonly keep: readonly string[];
      readonly because: readonly Reason[];
    };

/** Container names in container order, reasons in the order of the next revision's document, removed paths last. */
export function compare(running: Revision, next: Revision): Plan {
  const before = byName(running.containers);
  const after = byName(next.containers);
  const reasons: Reason[] = [];
  for (const [path, file] of next.files) {
    const old = running.files.get(path);
    if (old === undefined) reasons.push(added(path, file, before, after));
    else if (differs(old, file)) reasons.push(changed(path, old, file, before, after));
  }
  for (const [path, file] of running.files) {
    if (!next.files.has(path)) reasons.push(removed(path, file, before, after));
  }
  const reboots = reasons.filter(({ effect }) => effect === 'reboot');
  if (reboots.length > 0) return { kind: 'reboot', because: reboots };
  const affected = new Set(reasons.map(({ container }) => container));
  const names = (containers: readonly ContainerSpec[], wanted: (name: string) => boolean) =>
    containers.map(({ name }) => name).filter(wanted);
  return {
    kind: 'live',
    stop: names(running.containers, (name) => affected.has(name) || !after.has(name)),
    start: names(next.containers, (name) => affected.has(name) || !before.has(name)),
    keep: names(running.containers, (name) => after.has(name) && !affected.has(name)),
    because: reasons,
  };
}

type Containers = ReadonlyMap<string, ContainerSpec>;

function byName(containers: readonly ContainerSpec[]): Containers {
  return new Map(containers.map((spec) => [spec.name, spec]));
}

function differs(old: RevisionFile, file: RevisionFile): boolean {
  if (old.kind === 'object') return file.kind !== 'object' || file.id !== old.id;
  return file.kind !== 'json' || file.text !== old.text;
}

function added(path: string, file: RevisionFile, before: Containers, after: Containers): Reason {
  const policies = [policyOf(file.owner, after), ...known(file.owner, before)];
  return decide(path, 'added', file.owner, policies, before, after);
}

/** A file that gains or loses its owner counts as one of the device (L-12). */
function changed(
  path: string,
  old: RevisionFile,
  file: RevisionFile,
  before: Containers,
  after: Containers,
): Reason {
  const policies = [policyOf(old.owner, before), policyOf(file.owner, after)];
  return decide(path, 'changed', old.owner ?? file.owner, policies, before, after);
}

function removed(path: string, file: RevisionFile, before: Containers, after: Containers): Reason {
  return decide(path, 'removed', file.owner, [policyOf(file.owner, before)], before, after);
}

function policyOf(owner: string | undefined, containers: Containers): RestartPolicy | undefined {
  return owner === undefined ? undefined : containers.get(owner)?.restartPolicy;
}

function known(owner: string | undefined, containers: Containers): readonly RestartPolicy[] {
  const policy = policyOf(owner, containers);
  return policy === undefined ? [] : [policy];
}

/** Lifecycle §12.2: live only where every policy that counts is `container`. */
function decide(
  path: string,
  change: Reason['change'],
  container: string | undefined,
  policies: readonly (RestartPolicy | undefined)[],
  before: Containers,
  after: Containers,
): Reason {
  const decisive = policies.find((policy) => policy !== 'container');
  if (decisive !== undefined || policies.includes(undefined)) {
    return { path, change, container, policy: decisive, effect: 'reboot' };
  }
  const effect = !before.has(container ?? '') ? 'start' : after.has(container ?? '') ? 'restart' : 'stop';
  return { path, change, container, policy: 'container', effect };
}

/** One line for people: `lamp/root.squashfs changed: lamp (restart_policy container) restarts`. */
export function describeReason({ path, change, container, policy, effect }: Reason): string {
  const owner =
    container === undefined
      ? 'it belongs to no container'
      : policy === undefined
        ? `container ${container} exists on one side only`
        : `container ${container} has restart_policy ${policy}`;
  const outcome = { reboot: 'reboot', restart: 'it restarts', start: 'it starts', stop: 'it stops' }[effect];
  return `${path} ${change}: ${owner}, so ${outcome}`;
}
