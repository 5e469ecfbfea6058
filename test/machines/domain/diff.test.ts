import assert from 'node:assert/strict';
import { compare, describeReason, type Plan } from '../../../machines/domain/diff.ts';
import { accepted, container, type State, state } from './states.ts';

const id = (digit: string) => digit.repeat(64);
const files = (name: string, digit = '1'): State => ({ [`${name}/root.squashfs`]: id(digit) });
const app = (name: string, keys: State = {}) => ({
  ...container(name, { group: 'app', ...keys }),
  ...files(name),
});

/** Lifecycle §12.3: app1, app2 in app; sys in platform; dat in data with its own policy container. */
const CURRENT: State = {
  ...app('app1'),
  ...app('app2'),
  ...container('sys', { group: 'platform' }),
  ...files('sys'),
  ...container('dat', { group: 'data', restart_policy: 'container' }),
  ...files('dat'),
  'README.md': id('1'),
  '_config/app1/etc/x.conf': id('1'),
  '_config/sys/etc/y.conf': id('1'),
  'app1/src.json': {},
  '_sigs/app1.json': {},
};

function without(parts: State, prefix: string): State {
  return Object.fromEntries(Object.entries(parts).filter(([key]) => !key.startsWith(prefix)));
}

function planOf(before: State, after: State): Plan {
  return compare(accepted(state(before)).revision, accepted(state(after)).revision);
}

/** `reboot`, or what stops and starts of a live change. */
function summary(plan: Plan): string {
  if (plan.kind === 'reboot') return 'reboot';
  return `live stop:${plan.stop.join(',')} start:${plan.start.join(',')} keep:${plan.keep.join(',')}`;
}

describe('The comparison of two revisions', () => {
  const nothing = 'live stop: start: keep:app1,app2,dat,sys';
  const app1 = 'live stop:app1 start:app1 keep:app2,dat,sys';
  const cases: readonly { why: string; next: State; plan: string }[] = [
    { why: 'nothing', next: CURRENT, plan: nothing },
    {
      why: 'src.json, build.json and signatures only',
      next: {
        ...CURRENT,
        'app1/src.json': { a: 1 },
        'app2/build.json': {},
        '_sigs/app1.json': { b: 1 },
        '_sigs/x.json': {},
      },
      plan: nothing,
    },
    { why: 'the root file system of app1', next: { ...CURRENT, ...files('app1', '2') }, plan: app1 },
    { why: 'a config file of app1', next: { ...CURRENT, '_config/app1/etc/x.conf': id('2') }, plan: app1 },
    { why: 'a config file of app1 gone', next: without(CURRENT, '_config/app1/'), plan: app1 },
    { why: 'a config file of app1 added', next: { ...CURRENT, '_config/app1/new': id('2') }, plan: app1 },
    { why: 'a config file of sys', next: { ...CURRENT, '_config/sys/etc/y.conf': id('2') }, plan: 'reboot' },
    { why: 'a config file of sys gone', next: without(CURRENT, '_config/sys/'), plan: 'reboot' },
    {
      why: 'a config file of nobody added',
      next: { ...CURRENT, '_config/ghost/x': id('1') },
      plan: 'reboot',
    },
    { why: 'README.md', next: { ...CURRENT, 'README.md': id('2') }, plan: 'reboot' },
    { why: 'README.md gone', next: without(CURRENT, 'README.md'), plan: 'reboot' },
    { why: 'device.json added', next: { ...CURRENT, 'device.json': {} }, plan: 'reboot' },
    { why: 'a file of the BSP added', next: { ...CURRENT, 'bsp/Image': id('1') }, plan: 'reboot' },
    {
      why: 'groups.json added',
      next: { ...CURRENT, 'groups.json': ['data', 'root', 'platform', 'app'].map((name) => ({ name })) },
      plan: 'reboot',
    },
    {
      why: 'app3 new, and the root file system of app1',
      next: { ...CURRENT, ...app('app3'), ...files('app1', '2') },
      plan: 'live stop:app1 start:app1,app3 keep:app2,dat,sys',
    },
    {
      why: 'a new container with policy system',
      next: { ...CURRENT, ...container('new', { group: 'platform' }) },
      plan: 'reboot',
    },
    { why: 'app2 removed', next: without(CURRENT, 'app2/'), plan: 'live stop:app2 start: keep:app1,dat,sys' },
    { why: 'sys removed', next: without(without(CURRENT, 'sys/'), '_config/sys/'), plan: 'reboot' },
    {
      why: 'app1 to policy system',
      next: { ...CURRENT, ...app('app1', { restart_policy: 'system' }) },
      plan: 'reboot',
    },
    {
      why: 'app1 to group platform',
      next: { ...CURRENT, ...app('app1', { group: 'platform' }) },
      plan: 'reboot',
    },
    {
      why: 'sys to policy container',
      next: { ...CURRENT, ...container('sys', { group: 'platform', restart_policy: 'container' }) },
      plan: 'reboot',
    },
    {
      why: 'the root file systems of app1 and sys',
      next: { ...CURRENT, ...files('app1', '2'), ...files('sys', '2') },
      plan: 'reboot',
    },
    {
      why: 'the image of dat, which is mounted only: taken down and put up (L-10)',
      next: { ...CURRENT, ...files('dat', '2') },
      plan: 'live stop:dat start:dat keep:app1,app2,sys',
    },
    {
      why: 'the order of keys in one run.json',
      next: { ...CURRENT, 'app1/run.json': { config: 'c', group: 'app', name: 'app1', type: 'lxc' } },
      plan: app1,
    },
    {
      why: 'run.json of app2 gone and a file of it changed, which then has no owner (L-12)',
      next: { ...without(CURRENT, 'app2/run.json'), ...files('app2', '2') },
      plan: 'reboot',
    },
    {
      why: 'a JSON file that becomes an object',
      next: { ...CURRENT, 'app1/root.squashfs': id('1'), 'app1/x.json': id('1') },
      plan: app1,
    },
  ];
  for (const { why, next, plan } of cases) {
    it(`${why}: ${plan} (lifecycle §12.3)`, () => assert.equal(summary(planOf(CURRENT, next)), plan));
  }

  describe('rule by rule (lifecycle §12.2)', () => {
    const owners: readonly { why: string; policy: string; before?: State; after?: State; plan: string }[] = [
      { why: 'changed', policy: 'system', before: files('c'), after: files('c', '2'), plan: 'reboot' },
      {
        why: 'changed',
        policy: 'container',
        before: files('c'),
        after: files('c', '2'),
        plan: 'live stop:c start:c keep:',
      },
      { why: 'deleted', policy: 'system', before: files('c'), plan: 'reboot' },
      { why: 'deleted', policy: 'container', before: files('c'), plan: 'live stop:c start:c keep:' },
      { why: 'added', policy: 'system', after: files('c'), plan: 'reboot' },
      { why: 'added', policy: 'container', after: files('c'), plan: 'live stop:c start:c keep:' },
    ];
    for (const { why, policy, before = {}, after = {}, plan } of owners) {
      const owner = container('c', { group: 'app', restart_policy: policy });
      it(`${why}, policy ${policy}: ${plan}`, () => {
        assert.equal(summary(planOf({ ...owner, ...before }, { ...owner, ...after })), plan);
      });
    }
  });

  it('12: of groups.json beside device.json finds nothing (state format §5.1)', () => {
    const device = { 'device.json': { groups: [{ name: 'g' }] } };
    assert.equal(
      summary(planOf({ ...device, 'groups.json': [1] }, { ...device, 'groups.json': [2] })),
      'live stop: start: keep:',
    );
  });

  it('names the path, the container and the policy that decided', () => {
    const live = planOf(CURRENT, { ...without(CURRENT, 'app2/'), ...files('app1', '2'), ...app('app3') });
    assert.deepEqual(live.because.map(describeReason), [
      'app1/root.squashfs changed: container app1 has restart_policy container, so it restarts',
      'app3/run.json added: container app3 has restart_policy container, so it starts',
      'app3/root.squashfs added: container app3 has restart_policy container, so it starts',
      'app2/run.json removed: container app2 has restart_policy container, so it stops',
      'app2/root.squashfs removed: container app2 has restart_policy container, so it stops',
    ]);
    const reboot = planOf(CURRENT, {
      ...CURRENT,
      ...files('app1', '2'),
      ...files('sys', '2'),
      'README.md': id('2'),
    });
    assert.deepEqual(reboot.because.map(describeReason), [
      'sys/root.squashfs changed: container sys has restart_policy system, so reboot',
      'README.md changed: it belongs to no container, so reboot',
    ]);
  });
});
