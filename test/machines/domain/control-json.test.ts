/** The bodies of `GET /containers` and `GET /groups`, byte for byte (control API §6.1, §6.3). */

import assert from 'node:assert/strict';
import { blankRecord } from '../../../machines/domain/adoption.ts';
import { containersJson, groupsJson } from '../../../machines/domain/control-json.ts';
import { DEFAULT_GROUPS } from '../../../machines/domain/defaults.ts';
import type { ContainerRecord } from '../../../machines/domain/record.ts';
import type { RevisionView } from '../../../machines/domain/report.ts';
import type { Backoff, ContainerSpec, Revision } from '../../../machines/domain/revision.ts';
import { recovery, revisionOf } from '../../support/revision.ts';

/** What the supervisor would show of a revision whose containers stand as their records say. */
function viewOf(
  { groups, containers }: Revision,
  records: Readonly<Record<string, Partial<ContainerRecord>>> = {},
): RevisionView {
  return {
    status: 'STARTED',
    goal: 'UNACHIEVED',
    groups: groups.map(({ name: group }) => ({
      name: group,
      status: 'BLOCKED',
      goal: 'UNACHIEVED',
      unlocked: true,
      containers: containers
        .filter((spec) => spec.group === group)
        .map(({ name }) => ({
          name,
          group,
          goal: 'UNACHIEVED',
          record: records[name] && { ...blankRecord(name, 0), ...records[name] },
        })),
    })),
  };
}

const NOW = 100_000;

/** The one entry of container `a`. */
function entry(spec: Partial<ContainerSpec>, record?: Partial<ContainerRecord>): string {
  const revision = revisionOf({ g: { containers: { a: spec } } });
  const view = viewOf(revision, record === undefined ? {} : { a: record });
  return containersJson(revision, view, NOW).slice(1, -1);
}

describe('GET /containers (control API §6.1)', () => {
  it('shows the example of the specification', () => {
    const revision = revisionOf({
      root: { restartPolicy: 'system', containers: { net: { roles: ['mgmt'] } } },
      app: {
        recovery: recovery({ maxRetries: 5, stableTimeoutMs: 30_000 }),
        containers: { 'edge-ui': {} },
      },
    });
    const ordered = { ...revision, containers: [...revision.containers].reverse() };
    const view = viewOf(ordered, {
      'edge-ui': { status: 'STARTED', retries: 1, stableAt: NOW },
      net: { status: 'STARTED' },
    });
    assert.equal(
      containersJson(ordered, view, NOW),
      '[{"name":"edge-ui","group":"app","status":"STARTED","status_goal":"STARTED","restart_policy":"container","roles":[],"auto_recovery":{"policy":"on-failure","max_retries":5,"current_retries":1,"stable_timeout":30,"is_stable":"true","backoff_policy":"reboot"},"user_stopped":"false"},{"name":"net","group":"root","status":"STARTED","status_goal":"STARTED","restart_policy":"system","roles":["mgmt"]}]',
    );
  });

  it('is an empty list for a revision without containers', () => {
    const revision = revisionOf({ g: { containers: {} } });
    assert.equal(containersJson(revision, viewOf(revision), NOW), '[]');
  });

  it('shows INSTALLED, no retries and not stable before the start', () => {
    assert.match(
      entry({ recovery: recovery() }),
      /"status":"INSTALLED".*"current_retries":0,.*"is_stable":"false".*"user_stopped":"false"/,
    );
  });

  for (const { why, recovery: policy } of [
    { why: 'none', recovery: undefined },
    { why: 'policy no', recovery: recovery({ policy: 'no' }) },
  ]) {
    it(`shows no auto_recovery with ${why}`, () => {
      assert.doesNotMatch(entry({ recovery: policy }, { status: 'STARTED' }), /auto_recovery/);
    });
  }

  const backoffs: readonly { readonly backoff: Backoff; readonly text: string }[] = [
    { backoff: { kind: 'reboot' }, text: 'reboot' },
    { backoff: { kind: 'never' }, text: 'never' },
    { backoff: { kind: 'wait', delayMs: 45_000 }, text: '45s' },
    { backoff: { kind: 'wait', delayMs: 90_000 }, text: '90s' },
    { backoff: { kind: 'wait', delayMs: 600_000 }, text: '10min' },
    { backoff: { kind: 'wait', delayMs: 3_600_000 }, text: '1h' },
    { backoff: { kind: 'wait', delayMs: 5_400_000 }, text: '90min' },
    { backoff: { kind: 'wait', delayMs: 7_200_000 }, text: '2h' },
  ];
  for (const { backoff, text } of backoffs) {
    it(`writes the backoff policy as ${text} (state format §8.9)`, () => {
      assert.match(entry({ recovery: recovery({ backoff }) }), new RegExp(`"backoff_policy":"${text}"}`));
    });
  }

  const stable = recovery({ stableTimeoutMs: 30_000 });
  for (const { why, record, is } of [
    { why: 'before its time', record: { status: 'STARTED', stableAt: NOW + 1 }, is: 'false' },
    { why: 'from its time on', record: { status: 'READY', stableAt: NOW }, is: 'true' },
    { why: 'without tracking', record: { status: 'STARTED' }, is: 'false' },
    {
      why: 'stopped before its time, which passes meanwhile',
      record: { status: 'STOPPING', since: NOW - 2, stableAt: NOW - 1 },
      is: 'false',
    },
    {
      why: 'stopping after its time',
      record: { status: 'STOPPING', since: NOW - 1, stableAt: NOW - 2 },
      is: 'true',
    },
  ] as const) {
    it(`says is_stable ${is} ${why} (lifecycle §9.4)`, () => {
      assert.match(entry({ recovery: stable }, record), new RegExp(`"is_stable":"${is}"`));
    });
  }

  for (const { why, policy, record, shows } of [
    { why: 'stopped by its user', policy: 'container', record: { stopReason: 'user' }, shows: '"true"' },
    { why: 'given up', policy: 'container', record: { stopReason: 'gaveUp' }, shows: '"false"' },
    { why: 'of restart policy system', policy: 'system', record: { stopReason: 'user' }, shows: undefined },
  ] as const) {
    it(`shows user_stopped ${shows ?? 'not at all'} of a container ${why}`, () => {
      const text = entry({ restartPolicy: policy }, { status: 'STOPPED', ...record });
      assert.equal(/"user_stopped":("\w+")/.exec(text)?.[1], shows);
    });
  }
});

describe('GET /groups (control API §6.3)', () => {
  it('shows the default groups as the specification lists them', () => {
    const revision = { ...revisionOf({}), groups: DEFAULT_GROUPS };
    assert.equal(
      groupsJson(revision, viewOf(revision)),
      '[{"name":"data","status_goal":"MOUNTED","restart_policy":"system","status":"BLOCKED"},{"name":"root","status_goal":"STARTED","restart_policy":"system","status":"BLOCKED"},{"name":"platform","status_goal":"STARTED","restart_policy":"system","status":"BLOCKED"},{"name":"app","status_goal":"STARTED","restart_policy":"container","status":"BLOCKED","auto_recovery":{"max_retries":5,"stable_timeout":30,"backoff_policy":"reboot"}}]',
    );
  });

  it('shows no auto_recovery with policy no', () => {
    const revision = revisionOf({ g: { recovery: recovery({ policy: 'no' }), containers: {} } });
    assert.doesNotMatch(groupsJson(revision, viewOf(revision)), /auto_recovery/);
  });
});
