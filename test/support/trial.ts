/** A revision in the trial of an update: its chart alone on a fake device, with an owner that only takes notes.
 *  What the owner makes of them is another chart's decision (lifecycle §4.3, §9.1). */

import assert from 'node:assert/strict';
import { createActor, fromCallback } from 'xstate';
import { announcer } from '../../actors/announcer.ts';
import { createDrivers } from '../../actors/drivers.ts';
import { loadModules } from '../../actors/modules.ts';
import { prepareVolumes, unmountVolumes } from '../../actors/mounts.ts';
import { containerProcess } from '../../actors/process.ts';
import { type ContainerCommand, containerMachine } from '../../machines/container.ts';
import type { Announcement } from '../../machines/domain/report.ts';
import type { Revision } from '../../machines/domain/revision.ts';
import { groupMachine } from '../../machines/group.ts';
import { type RevisionCommand, type RevisionReport, revisionMachine } from '../../machines/revision.ts';
import { advance, settle, VirtualClock } from '../../sim/clock.ts';
import type { FakeHost } from '../../sim/host.ts';
import { type Condensed, condense } from './told.ts';
import { createHost, remember, type WorldOptions } from './world.ts';

export interface Trial extends Condensed {
  readonly host: FakeHost;
  /** What the owner was told, condensed: `['revision.changed BLOCKED UNACHIEVED', 'container.failed a EXITED']`. */
  readonly reports: readonly string[];
  /** For the chart of the revision, carried out as far as it goes without time passing. */
  send(command: RevisionCommand): Promise<void>;
  /** For one container. */
  order(name: string, command: ContainerCommand): Promise<void>;
  pass(ms: number): Promise<void>;
}

/** Starts the revision as an update that is INPROGRESS. */
export async function bootTrial(
  revision: Revision,
  options: Pick<WorldOptions, 'ways' | 'modules' | 'decide' | 'device'> = {},
): Promise<Trial> {
  const clock = new VirtualClock();
  const host = createHost(clock, options);
  const attachment = host.attach((name) => {
    containerOf(name)?.send({ type: 'signal.ready' });
    return { ok: true };
  });
  const { ports } = attachment;
  const containerOf = (name: string) => {
    const group = revision.containers.find((one) => one.name === name)?.group ?? '';
    return actor.getSnapshot().children[group]?.getSnapshot().children[name];
  };
  const container = containerMachine.provide({
    actors: {
      prepareVolumes: prepareVolumes(
        ports.mounter,
        loadModules(createDrivers(ports, revision), ports.complain),
      ),
      unmountVolumes: unmountVolumes(ports.mounter),
      containerProcess: containerProcess(ports.runtime),
    },
  });
  const machine = revisionMachine.provide({
    actors: { group: groupMachine.provide({ actors: { container } }) },
  });
  const told: Announcement[] = [];
  const reports: string[] = [];
  const errors: unknown[] = [];
  const owner = createActor(
    fromCallback<RevisionReport>(({ receive }) => {
      receive((report) => {
        if (report.type === 'actor.crashed') errors.push(report.error);
        reports.push(describe(report));
      });
    }),
  ).start();
  const actor = createActor(machine, {
    clock: ports.clock,
    input: {
      groups: revision.groups.map(({ name, goalTimeoutMs }) => ({
        name,
        goalTimeoutMs: goalTimeoutMs ?? 120_000,
        seeds: revision.containers
          .filter(({ group }) => group === name)
          .map((spec) => ({ spec, beginning: { kind: 'fresh', record: undefined } as const })),
      })),
      trial: true,
      owner,
      announcer: createActor(announcer(ports.journal, (one) => told.push(one))).start(),
      now: () => ports.clock.now(),
    },
  });
  actor.subscribe({ error: (error) => errors.push(error) });
  remember(() => {
    actor.stop();
    assert.deepEqual(host.violations, []);
    assert.deepEqual(errors, []);
    assert.equal(attachment.pendingTimers, 0, 'timers leaked');
  });
  actor.start();
  await settle();
  return {
    ...condense(told),
    host,
    reports,
    send: async (command) => {
      actor.send(command);
      await settle();
    },
    order: async (name, command) => {
      containerOf(name)?.send(command);
      await settle();
    },
    pass: (ms) => advance(clock, clock.now() + ms),
  };
}

function describe(report: RevisionReport): string {
  switch (report.type) {
    case 'revision.changed':
      return `${report.type} ${report.to.status} ${report.to.goal}`;
    case 'revision.stopped':
      return report.type;
    case 'container.failed':
      return `${report.type} ${report.name} ${report.fault.code}`;
    case 'actor.crashed':
      return `${report.type} ${report.actor}`;
    default:
      return report satisfies never;
  }
}
