/** What may happen in a scenario: how it is written, and how it is told. Carried out by `stage.ts`. */

import type { DeviceCommand } from '../actors/ports.ts';
import { describeExit, type Exit } from '../machines/domain/recovery.ts';
import type { ProblemList } from './scenario-problems.ts';
import type { HappeningText } from './scenario-schema.ts';

export type Deed =
  | { readonly kind: 'command'; readonly command: DeviceCommand }
  /** Init of the container signals ready. */
  | { readonly kind: 'ready'; readonly container: string }
  | { readonly kind: 'crash'; readonly container: string; readonly exit: Exit }
  /** `kill`: as `kill -9`. `detach`: it lets go of its containers and ends. `boot`: the next one begins. */
  | { readonly kind: 'supervisor'; readonly what: 'kill' | 'detach' | 'boot' }
  /** The device loses power and comes back. */
  | { readonly kind: 'powerCycle' }
  | RevisionDeed;

/** What concerns stored revisions. */
export type RevisionDeed =
  /** A command of the control API; the payload is a revision, or empty. */
  | {
      readonly kind: 'revision';
      readonly op: 'LOCAL_RUN' | 'LOCAL_RUN_COMMIT' | 'MAKE_FACTORY' | 'RUN_GC';
      readonly payload: string;
    }
  /** A client uploads the objects that are not there, and then the state. */
  | { readonly kind: 'install'; readonly revision: string }
  /** The power goes before the next write that begins like this, and comes back. */
  | { readonly kind: 'cut'; readonly step: string };

export interface Happening {
  readonly atMs: number;
  readonly deed: Deed;
  /** What whoever does it is told; `unheard`: nobody was there to answer. */
  readonly answer: 'ok' | 'not-found' | 'forbidden' | 'conflict' | 'refused' | 'no-space' | 'unheard';
}

/** What deeds may name. `revisions` is undefined where the device has no store. */
export interface Known {
  readonly containers: readonly string[];
  readonly revisions: readonly string[] | undefined;
}

type Path = readonly (string | number)[];
type DeedText = Omit<HappeningText, 'at' | 'answer'>;

/** Undefined where there is a problem. */
export function readHappening(
  text: HappeningText,
  path: Path,
  known: Known,
  problems: ProblemList,
): Happening | undefined {
  const { at, answer = 'ok', ...deeds } = text;
  const found = Object.keys(deeds);
  const [key] = found;
  if (key === undefined || found.length > 1) {
    const reason = key === undefined ? 'nothing happens' : `more than one thing happens: ${found.join(', ')}`;
    problems.add(
      path,
      reason,
      'Say one of stop, start, restart, ready, crash, supervisor, device, run, run_commit, make_factory, install, cut for each time',
    );
    return undefined;
  }
  const deed = readDeed(deeds);
  if (deed === undefined) return undefined;
  const container = deeds.crash?.container ?? deeds.stop ?? deeds.start ?? deeds.restart ?? deeds.ready;
  // A command for a container that does not exist may be what the lesson is about.
  if (container !== undefined && answer !== 'not-found') {
    problems.checkName([...path, key], 'container', container, known.containers);
  }
  if (deed.kind === 'revision' || deed.kind === 'install' || deed.kind === 'cut') {
    checkRevision(deed, [...path, key], known.revisions, problems);
  }
  return { atMs: at, deed, answer };
}

function checkRevision(
  deed: RevisionDeed,
  path: Path,
  known: readonly string[] | undefined,
  problems: ProblemList,
): void {
  if (known === undefined) {
    problems.add(path, 'the device has no store', 'Give it revisions: {locals/next: {containers: …}}');
  } else if (deed.kind === 'install') problems.checkName(path, 'revision', deed.revision, known);
}

function readDeed(deeds: DeedText): Deed | undefined {
  const { stop, start, restart, ready, crash, supervisor, device } = deeds;
  if (stop !== undefined) return { kind: 'command', command: { type: 'container.stop', name: stop } };
  if (start !== undefined) return { kind: 'command', command: { type: 'container.start', name: start } };
  if (restart !== undefined)
    return { kind: 'command', command: { type: 'container.restart', name: restart } };
  if (ready !== undefined) return { kind: 'ready', container: ready };
  if (crash !== undefined) return { kind: 'crash', ...crash };
  if (supervisor !== undefined) return { kind: 'supervisor', what: supervisor };
  if (device === 'power-cycle') return { kind: 'powerCycle' };
  if (device === 'gc') return { kind: 'revision', op: 'RUN_GC', payload: '' };
  if (device !== undefined) return { kind: 'command', command: { type: `device.${device}` } };
  return readRevisionDeed(deeds);
}

function readRevisionDeed({
  run,
  run_commit,
  make_factory,
  install,
  cut,
}: DeedText): RevisionDeed | undefined {
  if (run !== undefined) return { kind: 'revision', op: 'LOCAL_RUN', payload: run };
  if (run_commit !== undefined) return { kind: 'revision', op: 'LOCAL_RUN_COMMIT', payload: run_commit };
  if (make_factory !== undefined) {
    return { kind: 'revision', op: 'MAKE_FACTORY', payload: make_factory === 'current' ? '' : make_factory };
  }
  if (install !== undefined) return { kind: 'install', revision: install };
  return cut === undefined ? undefined : { kind: 'cut', step: cut };
}

/** One line for people. */
export function describeDeed(deed: Deed): string {
  switch (deed.kind) {
    case 'command': {
      const { command } = deed;
      const verb = command.type.slice(command.type.indexOf('.') + 1);
      return 'name' in command ? `user: ${verb} ${command.name}` : `user: ${verb} the device`;
    }
    case 'ready':
      return `${deed.container} sends its readiness signal`;
    case 'crash':
      return `${deed.container} ends: ${describeExit(deed.exit)}`;
    case 'supervisor':
      return {
        kill: 'the supervisor is killed',
        detach: 'the supervisor lets go',
        boot: 'a supervisor begins',
      }[deed.what];
    case 'powerCycle':
      return 'the device is power-cycled';
    case 'revision':
      return `user: ${deed.op} ${deed.payload}`.trimEnd();
    case 'install':
      return `user: install ${deed.revision}`;
    case 'cut':
      return `the power will go before "${deed.step}"`;
    default:
      return deed satisfies never;
  }
}
