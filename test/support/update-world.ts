/** A device that moves from revision to revision, in virtual time: store, boot loader, hooks and containers are fakes that
 *  outlive every supervisor. Revisions are sketched as containers with a version: `{ a: 1, b: 2 }`.
 *
 *  Every suite that boots one says `afterEach(checkWorlds)`. */

import assert from 'node:assert/strict';
import type { LoadedState } from '../../actors/control-ports.ts';
import { createUpdates, type Updates } from '../../actors/updates.ts';
import type { StoreOp } from '../../machines/domain/command.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import type { Progress } from '../../machines/domain/progress.ts';
import type { Announcement, Because } from '../../machines/domain/report.ts';
import { parseState } from '../../machines/domain/state-json.ts';
import { advance, type ClockView, settle, VirtualClock } from '../../sim/clock.ts';
import type { ContainerConduct } from '../../sim/conduct.ts';
import { Diary } from '../../sim/diary.ts';
import { createFakeBoot, type FakeBoot } from '../../sim/fake-boot.ts';
import { createFakeHooks, type FakeHooks } from '../../sim/fake-hooks.ts';
import { createFakeRevisionHost, type RevisionLife } from '../../sim/fake-revision-host.ts';
import { createFakeStore, type FakeStore } from '../../sim/fake-store.ts';
import type { FakeHost } from '../../sim/host.ts';
import { createHost, remember } from './world.ts';

export type Sketch = Readonly<Record<string, number | ContainerSketch>>;
export interface ContainerSketch {
  readonly version: number;
  readonly keys?: Readonly<Record<string, unknown>>;
}

export interface DeviceOptions {
  /** By name; `0` is the factory revision, booted first, and recorded DONE unless `fresh`. */
  readonly revisions: Readonly<Record<string, Sketch>>;
  readonly fresh?: boolean;
  readonly ways?: Readonly<Record<string, ContainerConduct>>;
  readonly settings?: Partial<Settings>;
  /** Checks of the signatures, by revision text. */
  readonly signatures?: (text: string) => Fault | undefined;
}

interface Settings {
  readonly PV_UPDATER_COMMIT_DELAY: number;
  readonly PV_UPDATER_GOALS_TIMEOUT: number;
  readonly PV_UPDATER_ROLLBACK_REBOOT: boolean;
  readonly PV_STORAGE_GC_KEEP_FACTORY: boolean;
}
const SETTINGS: Settings = {
  PV_UPDATER_COMMIT_DELAY: 25,
  PV_UPDATER_GOALS_TIMEOUT: 120,
  PV_UPDATER_ROLLBACK_REBOOT: false,
  PV_STORAGE_GC_KEEP_FACTORY: false,
};

interface Life {
  readonly updates: Updates;
  readonly host: RevisionLife;
  readonly timers: ClockView;
  open: boolean;
}

export class Device {
  readonly clock = new VirtualClock();
  readonly diary: Diary;
  readonly store: FakeStore;
  readonly boot: FakeBoot;
  readonly hooks: FakeHooks;
  readonly host: FakeHost;
  readonly settings: Record<string, unknown>;
  readonly complaints: Fault[] = [];
  readonly crashes: unknown[] = [];
  readonly told: Announcement[] = [];
  readonly states: LoadedState[] = [];
  /** Told of what is announced and of each revision that begins, as it comes. */
  beside: { hear(announcement: Announcement): void; load(state: LoadedState): void } | undefined;
  /** Reboots asked for where no supervisor ran. */
  readonly bareReboots: Because[] = [];
  /** Ways in which supervisors said that the device leaves. */
  readonly departures: string[] = [];
  /** Steps that fail from now on. */
  readonly failing = new Map<string, Fault>();
  /** All writes so far. */
  readonly steps: string[] = [];
  /** Asked before each write: true and the power goes there. */
  cutBefore: (step: string, index: number) => boolean = () => false;
  powerless = false;
  /** One write that takes a second. */
  slow: string | undefined;
  readonly #revisionHost;
  readonly #signatures: (text: string) => Fault | undefined;
  #life: Life | undefined;
  #reboots = 0;

  constructor({
    revisions,
    fresh = false,
    ways = {},
    settings = {},
    signatures = () => undefined,
  }: DeviceOptions) {
    this.diary = new Diary(() => this.clock.now(), undefined);
    const gate = (step: string): Promise<void> => this.#gate(step);
    const { diary } = this;
    this.store = createFakeStore({ diary, gate });
    this.boot = createFakeBoot({ diary, gate });
    this.hooks = createFakeHooks({ diary, gate });
    this.host = createHost(this.clock, { ways });
    this.#revisionHost = createFakeRevisionHost({ host: this.host, gate });
    this.#signatures = signatures;
    this.settings = { ...SETTINGS, ...settings };
    for (const [name, sketch] of Object.entries(revisions)) this.add(name, sketch);
    const done: Progress = { status: 'DONE', message: 'Factory revision', retries: 0 };
    const factory = revisions['0'];
    if (factory !== undefined) this.store.addRevision('0', stateOf(factory), fresh ? undefined : done);
    remember(() => this.#check());
  }

  /** An upload: objects and state. */
  add(name: string, sketch: Sketch): void {
    for (const [container, one] of Object.entries(sketch)) {
      this.store.addObject({ sha256: objectOf(container, versionOf(one)), size: 100 });
    }
    this.store.addRevision(name, stateOf(sketch), {
      status: 'NEW',
      message: 'Update ready to be run',
      retries: 0,
    });
  }

  get updates(): Updates {
    assert.ok(this.#life !== undefined, 'no supervisor is there');
    return this.#life.updates;
  }

  /** The power comes. */
  async powerUp({ cutBefore = () => false }: Partial<Pick<Device, 'cutBefore'>> = {}): Promise<void> {
    this.powerless = false;
    this.cutBefore = cutBefore;
    this.boot.powerUp();
    await this.begin();
  }

  /** A supervisor begins on whatever is there. */
  async begin(): Promise<void> {
    const timers = this.clock.view();
    const host = this.#revisionHost.begin((name) => updates.supervisor.send({ type: 'signal.ready', name }));
    const updates = createUpdates(
      {
        store: this.store.revisions,
        boot: this.boot.record,
        hooks: this.hooks,
        collector: this.store.collector,
        host: host.port,
        clock: timers,
        config: { value: (key) => this.settings[key] as never },
        rebooter: {
          reboot: (because) => {
            if (life.open) this.bareReboots.push(because);
          },
          powerOff: () => undefined,
        },
        parse: (text) => parseState(text),
        signatures: {
          check: async (text) => {
            const fault = this.#signatures(text);
            if (fault !== undefined) throw new SupervisorError(fault.code, fault.message, fault);
          },
        },
        complain: (fault) => this.complaints.push(fault),
      },
      {
        listen: (announcement) => {
          if (!life.open) return;
          this.told.push(announcement);
          this.beside?.hear(announcement);
        },
        load: (state) => {
          this.states.push(state);
          this.beside?.load(state);
        },
        departing: (way) => this.departures.push(way),
        crashed: (error) => {
          if (life.open) this.crashes.push(error);
        },
      },
    );
    const life: Life = { updates, host, timers, open: true };
    this.#life = life;
    void updates.begin().catch((error: unknown) => this.crashes.push(error));
    await settle();
  }

  /** `kill -9` of the supervisor. */
  kill(): void {
    const life = this.#life;
    if (life === undefined) return;
    life.open = false;
    life.host.cut();
    life.timers.close();
    this.#life = undefined;
  }

  /** What follows a reboot that was asked for, or a power cut. */
  async reboot(power: Partial<Pick<Device, 'cutBefore'>> = {}): Promise<void> {
    this.kill();
    this.#revisionHost.powerCycle();
    this.#reboots = this.reboots;
    await this.powerUp(power);
  }

  /** `kill -9` of the supervisor where it stands, and the next one begins. */
  async restart(): Promise<void> {
    this.kill();
    this.powerless = false;
    this.cutBefore = () => false;
    await this.begin();
  }

  /** Time passes, and reboots that are asked for are carried out, until the device runs on. */
  async comeToRest(): Promise<void> {
    for (let boots = 0; boots < 8; boots += 1) {
      await this.pass(120);
      if (!this.leaving) return;
      await this.reboot();
    }
    assert.fail('the device reboots for ever');
  }

  /** Reboots that were asked for. */
  get reboots(): number {
    return this.host.reboots.length + this.bareReboots.length;
  }

  /** A reboot was asked for since the device began. */
  get leaving(): boolean {
    return this.reboots > this.#reboots;
  }

  async command(op: StoreOp, payload = ''): Promise<void> {
    await this.updates.carryOut(op, payload);
    await settle();
  }

  async pass(seconds: number): Promise<void> {
    await advance(this.clock, this.clock.now() + seconds * 1000);
  }

  async crash(container: string): Promise<void> {
    assert.ok(this.host.crash(container, { kind: 'code', code: 1 }), `${container} does not run`);
    await settle();
  }

  pid(container: string): number | undefined {
    return this.record(container)?.pid;
  }

  record(container: string) {
    return this.updates.supervisor
      .view()
      .groups.flatMap(({ containers }) => containers)
      .find(({ name }) => name === container)?.record;
  }

  /** `{ a: 'STARTED' }`. */
  statuses(): Readonly<Record<string, string | undefined>> {
    return Object.fromEntries(
      this.updates.supervisor
        .view()
        .groups.flatMap(({ containers }) => containers)
        .map(({ name, record }) => [name, record?.status]),
    );
  }

  /** Progress records written for a revision, oldest first. */
  history(name: string): readonly string[] {
    const prefix = `progress ${name} `;
    return this.steps.filter((step) => step.startsWith(prefix)).map((step) => step.slice(prefix.length));
  }

  get runs(): string | undefined {
    return this.#life?.updates.running?.name;
  }

  async #gate(step: string): Promise<void> {
    if (this.powerless || this.cutBefore(step, this.steps.length)) {
      this.powerless = true;
      await new Promise<void>(() => undefined);
    }
    if (step === this.slow) await new Promise<void>((resolve) => this.clock.setTimeout(resolve, 1000));
    const fault = this.failing.get(step);
    if (fault !== undefined) throw new SupervisorError(fault.code, fault.message);
    this.steps.push(step);
  }

  /** Factory tools put revision 0 on the disk whole. */
  async install(name: string): Promise<void> {
    const text = await this.store.revisions.state(name);
    const parsed = parseState(text ?? '');
    if (parsed.ok && text !== undefined) await this.store.revisions.install(name, parsed.revision, text);
  }

  #check(): void {
    const life = this.#life;
    void life?.updates.close();
    assert.deepEqual(this.host.violations, []);
    assert.deepEqual(this.crashes, []);
    assert.equal(life?.timers.pending ?? 0, 0, 'timers of the update leaked');
    assert.equal(life?.host.pendingTimers ?? 0, 0, 'timers of the supervisor leaked');
  }
}

/** Boots a device with its factory revision and lets it come up. */
export async function bootDevice(options: DeviceOptions): Promise<Device> {
  const device = new Device(options);
  await device.install('0');
  await device.powerUp();
  await device.pass(0);
  return device;
}

function versionOf(one: number | ContainerSketch): number {
  return typeof one === 'number' ? one : one.version;
}

/** Of the container's root file system in that version. */
export function objectOf(container: string, version: number): string {
  const digits = [...container].map((letter) => letter.charCodeAt(0).toString(16)).join('');
  return `${digits}${version.toString(16).padStart(4, '0')}`.padStart(64, '0');
}

/** Containers are of group `app`, policy `container`, without recovery, unless their keys say otherwise. */
export function stateOf(sketch: Sketch): string {
  const entries = Object.entries(sketch).flatMap(([name, one]) => [
    [
      `${name}/run.json`,
      {
        name,
        type: 'lxc',
        config: 'lxc.container.conf',
        group: 'app',
        auto_recovery: { policy: 'no' },
        'root-volume': 'root.squashfs',
        ...(typeof one === 'number' ? {} : one.keys),
      },
    ],
    [`${name}/root.squashfs`, objectOf(name, versionOf(one))],
  ]);
  return JSON.stringify({ '#spec': 'pantavisor-service-system@1', ...Object.fromEntries(entries) });
}
