/** The device that the conformance suite talks to: one container for each way of calling, written once for the simulator
 *  and for real LXC. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildDeviceRevision,
  type DeviceContainer,
  type DeviceRevision,
} from '../support/device-revision.ts';

/** Whose socket is called. `admin`, `driver` and `lost` have the role mgmt; `plain` has `roles: []`, `mute` none at all. */
export type Who = 'host' | 'admin' | 'plain' | 'mute' | 'ready' | 'driver' | 'lost';
export const MGMT: readonly Who[] = ['host', 'admin'];
export const NOBODY: readonly Who[] = ['plain', 'mute', 'ready'];
/** What runs from the beginning. */
export const STARTED = ['admin', 'driver', 'lost', 'mute', 'plain', 'ready'];

/** Programs of this machine, for clients inside. */
export const PROGRAMS = ['usr', 'usr/lib', 'usr/lib64', 'etc/ssl'].map(
  (path) =>
    `lxc.mount.entry = /${path} ${path === 'usr' || path === 'etc/ssl' ? path : path.slice(4)} none bind,ro,create=dir 0 0`,
);
const MANAGES = { roles: ['mgmt'] };

const CONTAINERS: readonly DeviceContainer[] = [
  { name: 'admin', group: 'base', run: MANAGES },
  {
    name: 'driver',
    group: 'base',
    run: { ...MANAGES, drivers: { required: ['bus'], optional: ['radio'], manual: ['camera', 'display'] } },
  },
  { name: 'lost', group: 'base', run: { ...MANAGES, drivers: { manual: ['camera', 'gone'] } } },
  { name: 'mute', group: 'app' },
  { name: 'plain', group: 'app', run: { roles: [] } },
  {
    name: 'ready',
    group: 'app',
    run: { status_goal: 'READY', roles: ['nobody'], auto_recovery: { policy: 'no' } },
  },
  { name: 'later', group: 'late' },
];

/** Drivers without modules: nothing in this machine's kernel changes. `radio` and `gone` are not offered. */
const DRIVERS = { all: { bus: [], camera: [], display: [] } };

const DEVICE: DeviceRevision = {
  groups: [
    { name: 'base', status_goal: 'STARTED', restart_policy: 'system', timeout: 60 },
    {
      name: 'app',
      status_goal: 'STARTED',
      restart_policy: 'container',
      timeout: 3600,
      auto_recovery: {
        policy: 'on-failure',
        max_retries: 5,
        retry_delay: 5,
        backoff_factor: 2,
        stable_timeout: 3600,
        backoff_policy: '10min',
      },
    },
    // Not unlocked before `ready` is ready.
    { name: 'late', status_goal: 'STARTED', restart_policy: 'container', timeout: 60 },
  ],
  containers: CONTAINERS.map((container) => ({ ...container, mounts: PROGRAMS })),
};

const APP =
  '"auto_recovery":{"policy":"on-failure","max_retries":5,"current_retries":0,"stable_timeout":3600,' +
  '"is_stable":"false","backoff_policy":"10min"},"user_stopped":"false"';
const system = (name: string) =>
  `{"name":"${name}","group":"base","status":"STARTED","status_goal":"STARTED","restart_policy":"system","roles":["mgmt"]}`;
const app = (name: string, goal: string, rest: string) =>
  `{"name":"${name}","group":"app","status":"STARTED","status_goal":"${goal}","restart_policy":"container","roles":[],${rest}}`;

/** `GET /containers` once all have started. */
export const CONTAINERS_TEXT = `[${[
  system('admin'),
  system('driver'),
  '{"name":"later","group":"late","status":"BLOCKED","status_goal":"STARTED","restart_policy":"container","roles":[],"user_stopped":"false"}',
  system('lost'),
  app('mute', 'STARTED', APP),
  app('plain', 'STARTED', APP),
  app('ready', 'READY', '"user_stopped":"false"'),
].join(',')}]`;

/** `GET /groups` at that time: `ready` is not ready yet. */
export const GROUPS_TEXT =
  '[{"name":"base","status_goal":"STARTED","restart_policy":"system","status":"READY"},' +
  '{"name":"app","status_goal":"STARTED","restart_policy":"container","status":"STARTED",' +
  '"auto_recovery":{"max_retries":5,"stable_timeout":3600,"backoff_policy":"10min"}},' +
  '{"name":"late","status_goal":"STARTED","restart_policy":"container","status":"BLOCKED"}]';

export const CONTAINER_NAMES = CONTAINERS.map(({ name }) => name);

/** The state JSON with its objects, as `statevisor run --storage` takes it; gives its path. */
export function buildControlDevice(directory: string): string {
  const file = buildDeviceRevision(directory, DEVICE);
  const state = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...state, 'bsp/drivers.json': DRIVERS }));
  return file;
}

/** A scenario of the same state: nothing goes wrong, and nobody but a client says that `ready` is ready. Its images are
 *  only named. */
export function writeControlScenario(directory: string): string {
  const image = 'ab'.repeat(32);
  const files = CONTAINERS.flatMap(({ name, group, run = {} }) => [
    [`${name}/root.squashfs`, image],
    [`${name}/lxc.container.conf`, image],
    [
      `${name}/run.json`,
      {
        '#spec': 'service-manifest-run@1',
        config: 'lxc.container.conf',
        group,
        name,
        'root-volume': 'root.squashfs',
        type: 'lxc',
        ...run,
      },
    ],
  ]);
  const state = {
    '#spec': 'pantavisor-service-system@1',
    'device.json': { groups: DEVICE.groups },
    'bsp/drivers.json': DRIVERS,
    ...Object.fromEntries(files),
  };
  const scenario = {
    title: 'A device to talk to',
    lesson: 'Clients of every role call.',
    revision: { state },
    host: { every: { mount: '1ms', start: '5ms', halt: '20ms' } },
    expect: [{ containers: { admin: 'STARTED' } }],
  };
  const file = join(directory, 'device.yaml');
  writeFileSync(file, JSON.stringify(scenario));
  return file;
}
