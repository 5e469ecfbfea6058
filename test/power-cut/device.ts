/** One power cycle after the other of a device whose disk is in memory: the store, the boot record and the updates are the
 *  real ones, containers are fakes in virtual time. Between two of them lies nothing but the disk, and what the boot loader
 *  remembers of its last attempt. */

import assert from 'node:assert/strict';
import { createRevisionControl, type RevisionControl } from '../../actors/revisions.ts';
import { createUpdates, type Updates } from '../../actors/updates.ts';
import { type BootLoaderType, createBootRecord } from '../../adapters/host/boot/boot-record.ts';
import { openStore, type Store } from '../../adapters/store/store.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import { parseState } from '../../machines/domain/state-json.ts';
import { advance, settle, VirtualClock } from '../../sim/clock.ts';
import { Diary } from '../../sim/diary.ts';
import { createFakeHooks } from '../../sim/fake-hooks.ts';
import { createFakeRevisionHost } from '../../sim/fake-revision-host.ts';
import { createHost } from '../support/world.ts';
import type { Content } from './contents.ts';
import { DiskImage } from './disk-image.ts';
import { EVERYTHING } from './fates.ts';
import { createModelDisk } from './model-disk.ts';

const STORAGE = '/storage';
const SETTINGS: Readonly<Record<string, unknown>> = {
  PV_UPDATER_COMMIT_DELAY: 25,
  PV_UPDATER_GOALS_TIMEOUT: 120,
  PV_UPDATER_ROLLBACK_REBOOT: false,
  PV_STORAGE_GC_KEEP_FACTORY: false,
};

export interface PowerOptions {
  readonly image: DiskImage;
  readonly type: BootLoaderType;
  /** What the boot loader started last: a revision to try is tried once. */
  readonly attempted: string;
  /** Told of each change of the disk before it is made, and of what the boot loader remembers by then. */
  readonly beforeChange?: (what: string, attempted: string) => void;
}

/** From the power coming to the power going. */
export class PowerCycle {
  readonly booted: string;
  readonly complaints: Fault[] = [];
  readonly control: RevisionControl;
  readonly #clock = new VirtualClock();
  readonly #crashes: unknown[] = [];
  readonly #host;
  readonly #hosted;
  readonly #bareReboots: unknown[] = [];
  readonly #updates: Updates;
  readonly #store: Store;

  /** The boot loader plays its part, and a supervisor begins. */
  static async begin(options: PowerOptions): Promise<PowerCycle> {
    const loader = { attempted: options.attempted };
    const { disk, bootDisk } = createModelDisk(options.image, (what) =>
      options.beforeChange?.(what, loader.attempted),
    );
    const complaints: Fault[] = [];
    const complain = (fault: Fault): void => void complaints.push(fault);
    const record = (booted: string) =>
      createBootRecord({
        type: options.type,
        directory: `${STORAGE}/boot`,
        environment: { pv_rev: booted },
        commandLine: '',
        complain,
        disk: bootDisk,
      });
    const { committed, trying } = await record('0').read();
    const booted = trying !== undefined && trying !== options.attempted ? trying : committed;
    loader.attempted = booted;
    const store = await openStore({
      storage: STORAGE,
      logs: `${STORAGE}/logs`,
      reservedPercent: () => 0,
      bootAssets: true,
      complain,
      disk,
      inUse: async () => () => false,
      now: () => 0,
    });
    const cycle = new PowerCycle({ booted, complaints, store, record: record(booted) });
    void cycle.#updates.begin().catch((error: unknown) => cycle.#crashes.push(error));
    await settle();
    return cycle;
  }

  private constructor({
    booted,
    complaints,
    store,
    record,
  }: Pick<PowerCycle, 'booted' | 'complaints'> & {
    readonly store: Store;
    readonly record: ReturnType<typeof createBootRecord>;
  }) {
    this.booted = booted;
    this.complaints = complaints;
    this.#store = store;
    this.#host = createHost(this.#clock, {});
    this.#hosted = createFakeRevisionHost({ host: this.#host }).begin((name) =>
      this.#updates.supervisor.send({ type: 'signal.ready', name }),
    );
    const complain = (fault: Fault): void => void complaints.push(fault);
    const checks = { parse: parseState, signatures: { check: () => Promise.resolve() } };
    const diary = new Diary(() => this.#clock.now(), undefined);
    this.#updates = createUpdates(
      {
        ...checks,
        store: store.revisions,
        boot: record,
        hooks: createFakeHooks({ diary }),
        collector: store.collector,
        host: this.#hosted.port,
        clock: this.#clock,
        config: { value: (key) => SETTINGS[key] as never },
        rebooter: {
          reboot: (because) => this.#bareReboots.push(because),
          powerOff: (because) => assert.fail(JSON.stringify(because)),
        },
        complain,
      },
      {
        listen: () => undefined,
        load: () => undefined,
        crashed: (error) => this.#crashes.push(error),
      },
    );
    this.control = createRevisionControl({
      ...checks,
      store: store.revisions,
      objects: store.objects,
      updates: this.#updates,
      complain,
    });
    this.read = () => record.read();
  }

  /** The boot record. */
  readonly read: ReturnType<typeof createBootRecord>['read'];

  async pass(seconds: number): Promise<void> {
    await advance(this.#clock, this.#clock.now() + seconds * 1000);
  }

  /** A reboot was asked for. */
  get leaving(): boolean {
    return this.#host.reboots.length + this.#bareReboots.length > 0;
  }

  get runs(): string | undefined {
    return this.#updates.running?.name;
  }

  get updating(): boolean {
    return this.#updates.updating;
  }

  /** `DONE Factory revision`; undefined when nothing is recorded. */
  async told(name: string): Promise<string | undefined> {
    const progress = await this.#store.revisions.progress(name);
    return progress && `${progress.status} ${progress.message}`;
  }

  /** The running revision is whole and right, and every container of it runs. */
  async verify(): Promise<void> {
    const name = this.runs ?? assert.fail('nothing runs');
    const text = (await this.#store.revisions.state(name)) ?? assert.fail(`${name} has no state`);
    const parsed = parseState(text);
    assert.ok(parsed.ok, `the state of ${name} is none`);
    await this.#store.revisions.verify(name, parsed.revision);
    const statuses = this.#updates.supervisor
      .view()
      .groups.flatMap(({ containers }) => containers)
      .map(({ name: container, record }) => `${container} ${record?.status}`);
    assert.ok(
      statuses.length > 0 && statuses.every((status) => status.endsWith(' STARTED')),
      statuses.join(', '),
    );
  }

  /** The power goes, or a reboot comes. */
  end(): void {
    this.#hosted.cut();
    void this.#updates.close();
    assert.deepEqual(this.#host.violations, []);
    assert.deepEqual(this.#crashes, []);
  }
}

/** As a client does: every object, then the state. */
export async function upload(
  { control }: PowerCycle,
  name: string,
  { text, objects }: Content,
): Promise<void> {
  for (const [id, content] of objects) await control.objects.put(id, once(content), content.length);
  const answer = await control.steps.put(name, text);
  assert.equal(answer.status, 200, JSON.stringify(answer));
}

async function* once(content: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(content);
}

/** What factory tools leave: revision 0 whole and DONE, all of it synced. */
export async function manufacture({ text, objects }: Content): Promise<DiskImage> {
  const image = new DiskImage();
  const { disk } = createModelDisk(image);
  await disk.mkdir(STORAGE, 0o755);
  const { objects: store, revisions } = await openStore({
    storage: STORAGE,
    logs: `${STORAGE}/logs`,
    reservedPercent: () => 0,
    bootAssets: true,
    complain: (fault) => assert.fail(fault.message),
    disk,
    inUse: async () => () => false,
  });
  for (const [id, content] of objects) await store.put(id, once(content), content.length);
  const parsed = parseState(text);
  if (!parsed.ok) throw new SupervisorError('REFUSED', parsed.problems.map(({ reason }) => reason).join());
  await revisions.install('0', parsed.revision, text);
  await revisions.writeProgress('0', { status: 'DONE', message: 'Factory revision', retries: 0 });
  await revisions.markDone('0');
  return image.afterPowerCut(EVERYTHING);
}
