/** The `host` part of a scenario as the fake host takes it: its conduct and the facts of its device. */

import type { ContainerConduct, Failure, HostConduct } from './conduct.ts';
import type { FakeDevice } from './host.ts';
import type { ConductText, HostText } from './scenario-schema.ts';

/** `names`: every container of the revision, so that what holds for all reaches each of them. */
export function hostConduct(text: HostText, names: readonly string[]): HostConduct {
  const { every = {}, containers = {}, modules = {} } = text;
  return {
    containers: new Map(
      names.map((name) => [name, containerConduct(name, { ...every, ...containers[name] })] as const),
    ),
    modules: new Map(
      Object.entries(modules).map(([name, { load, fails }]) => [
        name,
        {
          ...(load !== undefined && { load }),
          ...(fails !== undefined && { loadFails: failure('MODULE_FAILED', `load ${name}`, name, fails) }),
        },
      ]),
    ),
  };
}

function containerConduct(name: string, text: ConductText): ContainerConduct {
  const { mount, unmount, start, halt, kill, crash } = text;
  const { mount_fails, unmount_fails, start_fails, never_starts, ignores_halt, ready_after } = text;
  return {
    ...(mount !== undefined && { mount }),
    ...(unmount !== undefined && { unmount }),
    ...(start !== undefined && { start }),
    ...(halt !== undefined && { halt }),
    ...(kill !== undefined && { kill }),
    ...(mount_fails !== undefined && {
      mountFails: failure('MOUNT_FAILED', `mount ${name}`, name, mount_fails),
    }),
    ...(unmount_fails !== undefined && {
      unmountFails: failure('UNMOUNT_FAILED', `unmount ${name}`, name, unmount_fails),
    }),
    ...(start_fails !== undefined && {
      startFails: failure('START_FAILED', `start ${name}`, name, start_fails),
    }),
    ...(never_starts !== undefined && { neverStarts: never_starts }),
    ...(ignores_halt !== undefined && { ignoresHalt: ignores_halt }),
    ...(ready_after !== undefined && { readyAfter: ready_after }),
    ...(crash !== undefined && { crash: { ...crash, times: crash.times ?? Number.POSITIVE_INFINITY } }),
  };
}

function failure(code: Failure['fault']['code'], what: string, subject: string, times: number): Failure {
  return { times, fault: { code, subject, errno: 'EIO', message: `${what}: the scenario lets it fail` } };
}

export function fakeDevice({
  device_tree,
  overlays,
  fit_config,
  user_meta,
  device_meta,
}: HostText): FakeDevice {
  return {
    ...(device_tree !== undefined && { deviceTree: device_tree }),
    ...(overlays !== undefined && { overlays }),
    ...(fit_config !== undefined && { fitConfig: fit_config }),
    ...(user_meta !== undefined && { userMeta: user_meta }),
    ...(device_meta !== undefined && { deviceMeta: device_meta }),
  };
}
