/** Every machine starts alone, refuses clearly what it was not given, and says its status in its tags. */

import assert from 'node:assert/strict';
import {
  type AnyActor,
  type AnyStateMachine,
  type AnyStateNode,
  createActor,
  fromCallback,
  fromPromise,
  type NonReducibleUnknown,
} from 'xstate';
import { type ContainerReport, containerMachine } from '../../machines/container.ts';
import { daemonMachine } from '../../machines/daemon.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import { STATUSES, type Status } from '../../machines/domain/status.ts';
import { driverMachine } from '../../machines/driver.ts';
import { type GroupReport, groupMachine } from '../../machines/group.ts';
import { type RevisionReport, revisionMachine } from '../../machines/revision.ts';
import { supervisorMachine } from '../../machines/supervisor.ts';
import { trialMachine } from '../../machines/trial.ts';
import { unprovidedProcess, unprovidedTask } from '../../machines/unprovided.ts';
import { updateMachine } from '../../machines/update.ts';
import { settle, VirtualClock } from '../../sim/clock.ts';
import { containerSpec, revisionOf } from '../support/revision.ts';
import { filesBelow, ROOT } from '../support/sources.ts';

const fresh = { kind: 'fresh', record: undefined } as const;
const seeds = [{ spec: containerSpec('a'), beginning: fresh }];
const groups = [{ name: 'app', goalTimeoutMs: 1_000, seeds }];
const now = () => 0;

/** Of an update; each deed of it that is refused is an end of it. */
const candidate = { name: 'locals/a', text: '{}', revision: revisionOf({ app: { containers: { a: {} } } }) };
const rules = { now, commitDelayMs: () => 0, rollbackReboots: () => false };

/** They stand beside the revision: nothing of theirs is announced. */
const SILENT = new Set(['driverMachine', 'daemonMachine', 'updateMachine', 'trialMachine']);

/** Takes notes of every event. */
function probe<Event extends { type: string }>(notes: Event[]) {
  return createActor(
    fromCallback<Event, NonReducibleUnknown>(({ receive }) => {
      receive((event) => notes.push(event));
    }),
  ).start();
}

function machines() {
  const told: Announcement[] = [];
  const reports: (ContainerReport | GroupReport | RevisionReport)[] = [];
  const announcer = probe<Announcement>(told);
  const owner = probe<ContainerReport | GroupReport | RevisionReport>(reports);
  const shared = { trial: false, owner, announcer, now };
  const clock = new VirtualClock();
  const actors: Readonly<Record<string, () => AnyActor>> = {
    containerMachine: () =>
      createActor(containerMachine, {
        clock,
        input: { ...shared, ...seeds[0], spec: containerSpec('a'), beginning: fresh, goalTimeoutMs: 1_000 },
      }),
    groupMachine: () =>
      createActor(groupMachine, { clock, input: { ...shared, name: 'app', goalTimeoutMs: 1_000, seeds } }),
    revisionMachine: () => createActor(revisionMachine, { clock, input: { ...shared, groups } }),
    supervisorMachine: () =>
      createActor(
        supervisorMachine.provide({
          actors: {
            announcer: fromCallback<Announcement, undefined>(({ receive }) => {
              receive((announcement) => told.push(announcement));
            }),
          },
        }),
        { clock, input: { groups, now } },
      ),
    driverMachine: () => createActor(driverMachine, { clock, input: { alias: 'can', loaded: false } }),
    daemonMachine: () => createActor(daemonMachine, { clock, input: { name: 'pv-xconnect', enabled: true } }),
    updateMachine: () =>
      createActor(updateMachine.provide({ actors: { takeUp: fromPromise<void, string>(never) } }), {
        clock,
        input: { rules, origin: { begins: 'taken', name: 'locals/a', reboots: false, running: candidate } },
      }),
    trialMachine: () =>
      createActor(
        trialMachine.provide({ actors: { watchTrial: fromCallback<{ type: 'none' }, undefined>(() => {}) } }),
        { clock, input: { ...rules, name: 'locals/a', kind: 'live' } },
      ),
  };
  return { actors, told, reports };
}

describe('every machine', () => {
  it('is in this test', async () => {
    const exported: string[] = [];
    for (const path of filesBelow('machines').filter((file) => !file.startsWith('machines/domain/'))) {
      const names = Object.keys((await import(`${ROOT}/${path}`)) as object);
      exported.push(...names.filter((name) => name.endsWith('Machine')));
    }
    assert.deepEqual(exported.sort(), Object.keys(machines().actors).sort());
  });

  for (const name of Object.keys(machines().actors)) {
    it(`${name} starts alone and stops without an error`, async () => {
      const { actors, told } = machines();
      const actor = actors[name]?.() ?? assert.fail();
      const errors: unknown[] = [];
      actor.subscribe({ error: (error) => errors.push(error) });
      actor.start();
      await settle();
      assert.equal(actor.getSnapshot().status, 'active');
      assert.equal(told.length > 0, !SILENT.has(name));
      actor.stop();
      assert.deepEqual(errors, []);
    });
  }

  it('fails a container whose actors were not provided, with a fault that says so', async () => {
    const { actors, reports } = machines();
    const { revisionMachine: make = assert.fail() } = actors;
    const actor = make();
    actor.start();
    await settle();
    const [failure] = reports.flatMap((report) => (report.type === 'container.failed' ? [report] : []));
    assert.equal(failure?.fault.code, 'UNEXPECTED');
    assert.match(failure?.fault.message ?? '', /provided in actors\//);
    actor.stop();
  });

  for (const { what, logic } of [
    { what: 'task', logic: unprovidedTask<undefined>() },
    { what: 'process', logic: unprovidedProcess<{ type: 'never' }, undefined>() },
  ]) {
    it(`an unprovided ${what} refuses with a message that names the remedy`, async () => {
      const errors: unknown[] = [];
      const actor = createActor(logic as ReturnType<typeof unprovidedTask<undefined>>, { input: undefined });
      actor.subscribe({ error: (error) => errors.push(error) });
      actor.start();
      await settle();
      assert.match(String(errors[0]), /this actor is provided in actors\//);
    });
  }
});

describe('the states of the container chart', () => {
  const { life = assert.fail() } = containerMachine.root.states;
  /** Entered and left in the same step; nobody sees them. */
  const TRANSIENT = ['life.entering', 'life.alive.beginning'];

  it('say their status: every leaf of `life` carries exactly one status tag', () => {
    const untagged: string[] = [];
    for (const leaf of leavesOf(life)) {
      const tags = tagsOf(leaf);
      const path = leaf.path.join('.');
      if (tags.length === 0) untagged.push(path);
      else assert.ok(tags.length === 1 && isStatus(tags[0]), `${path}: ${tags.join(', ')}`);
    }
    assert.deepEqual(untagged, TRANSIENT);
  });

  it('in capitals are the statuses, each named like its tag and drawn once', () => {
    const capitals = nodesOf(life).filter(({ key }) => key === key.toUpperCase());
    assert.deepEqual(capitals.map(({ key }) => key).sort(), [...STATUSES].sort());
    for (const state of capitals) assert.deepEqual([...state.tags], [state.key]);
  });

  it('carry tags in no other region and on no state in lower case', () => {
    const tagged = nodesOf(containerMachine.root).filter(({ tags }) => tags.length > 0);
    assert.deepEqual(
      tagged.filter(({ key }) => !isStatus(key)).map(({ id }) => id),
      [],
    );
  });

  it('are all reachable by a transition or as the first of their parent', () => {
    const revision = [containerMachine, groupMachine, revisionMachine, supervisorMachine];
    for (const machine of [...revision, driverMachine, daemonMachine, updateMachine, trialMachine]) {
      assert.deepEqual(unreachable(machine), [], machine.id);
    }
  });
});

const never = () => new Promise<void>(() => undefined);

function isStatus(tag: string | undefined): tag is Status {
  return STATUSES.some((status) => status === tag);
}

function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap((child) => [child, ...nodesOf(child)]);
}

function leavesOf(node: AnyStateNode): AnyStateNode[] {
  return nodesOf(node).filter(({ states }) => Object.keys(states).length === 0);
}

/** Own tags and those of all ancestors. */
function tagsOf(node: AnyStateNode): string[] {
  return [...node.tags, ...(node.parent === undefined ? [] : tagsOf(node.parent))];
}

function unreachable(machine: AnyStateMachine): string[] {
  const all = nodesOf(machine.root);
  const reached = new Set<AnyStateNode>();
  for (const node of [machine.root, ...all]) {
    if (node.type === 'parallel') for (const child of Object.values(node.states)) reached.add(child);
    for (const target of node.initial?.target ?? []) reached.add(target);
    const transitions = [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
    for (const { target } of transitions) for (const one of target ?? []) reached.add(one);
  }
  // Who is inside was in all that surrounds it.
  for (const node of reached) if (node.parent !== undefined) reached.add(node.parent);
  return all.filter((node) => !reached.has(node)).map(({ id }) => id);
}
