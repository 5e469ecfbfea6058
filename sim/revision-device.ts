/** What a fake device has besides its containers when revisions come and go: a store, a boot loader and hooks, which outlive
 *  every supervisor, and the updates of the supervisor of the moment. */

import { createConfig } from '../actors/config.ts';
import type { Ports } from '../actors/ports.ts';
import { createRevisionControl, type RevisionControl } from '../actors/revisions.ts';
import type { RevisionHost } from '../actors/update-ports.ts';
import { createUpdates, type Updates } from '../actors/updates.ts';
import { describeFault, type Fault, SupervisorError } from '../machines/domain/fault.ts';
import { MESSAGES } from '../machines/domain/progress.ts';
import type { Revision } from '../machines/domain/revision.ts';
import { parseState } from '../machines/domain/state-json.ts';
import { settle, type VirtualClock } from './clock.ts';
import type { RevisionDeed } from './deeds.ts';
import type { Diary } from './diary.ts';
import { createFakeBoot, type FakeBoot } from './fake-boot.ts';
import { answerOf, giveCommand, OBJECT_BYTES, objectsOf, type Reply, uploadRevision } from './fake-client.ts';
import { createFakeHooks, type FakeHooks } from './fake-hooks.ts';
import { createFakeRevisionHost, type FakeRevisionHost } from './fake-revision-host.ts';
import { createFakeStore, type FakeStore } from './fake-store.ts';
import type { FakeHost } from './host.ts';
import { type Departure, departing, type Life, type LifeOptions } from './life.ts';
import type { Scenario } from './scenario.ts';
import type { Storage, Written } from './scenario-revisions.ts';
import { WriteGate } from './write-gate.ts';

export interface RevisionDeviceOptions {
  readonly scenario: Pick<Scenario, 'revision' | 'text'>;
  readonly storage: Storage;
  readonly clock: VirtualClock;
  readonly diary: Diary;
  readonly host: FakeHost;
  /** Another revision is about to begin: its containers may behave otherwise. */
  readonly begins: (revision: string) => void;
  /** The device is to go, soon: whoever is told is in the middle of something. */
  readonly departed: (way: Departure) => void;
}

export class RevisionDevice {
  readonly store: FakeStore;
  readonly boot: FakeBoot;
  readonly hooks: FakeHooks;
  readonly #options: RevisionDeviceOptions;
  readonly #revisionHost: FakeRevisionHost;
  readonly #gate: WriteGate;
  #present: { readonly updates: Updates; readonly control: RevisionControl } | undefined;

  constructor(options: RevisionDeviceOptions) {
    this.#options = options;
    const { diary, host, storage, scenario } = options;
    const { fails, room } = storage;
    this.#gate = new WriteGate({ diary, fails, powerLost: () => options.departed('powerLoss') });
    const gate = this.#gate.pass;
    this.store = createFakeStore({
      diary,
      gate,
      ...(room !== undefined && { capacity: room * OBJECT_BYTES }),
    });
    this.boot = createFakeBoot({ diary, gate });
    this.hooks = createFakeHooks({ diary, gate });
    this.#revisionHost = createFakeRevisionHost({
      host,
      gate: async (step) => options.begins(step.slice('open '.length)),
    });
    this.#fill(scenario);
  }

  /** Of the supervisor of the moment. */
  get running(): string | undefined {
    return this.#present?.updates.running?.name;
  }

  /** The power is there, and the boot loader chooses. */
  powerUp(): void {
    this.#gate.powerUp();
    this.boot.powerUp();
  }

  /** What a power cut leaves: the disk. */
  powerDown(): void {
    this.#gate.powerDown();
    this.#revisionHost.powerCycle();
  }

  async begin(options: LifeOptions): Promise<Life> {
    const { clock, diary } = this.#options;
    const timers = clock.view();
    const life = this.#revisionHost.begin(options.signalReady);
    const complain = (fault: Fault): void =>
      diary.happening(fault.subject ?? '', `complaint: ${describeFault(fault)}`);
    const config = createConfig(this.#options.storage.sayings, complain);
    const companion: { there?: Awaited<ReturnType<LifeOptions['accompany']>> } = {};
    const checks = { signatures: this.#signatures(), parse: (text: string) => parseState(text) };
    const ports = { ...checks, store: this.store.revisions, complain };
    const updates = createUpdates(
      {
        ...ports,
        boot: this.boot.record,
        hooks: this.hooks,
        collector: this.store.collector,
        host: this.#dressed(life.port, (opened) => companion.there?.dress(opened) ?? opened),
        clock: timers,
        config,
        rebooter: this.#bareRebooter(),
      },
      {
        listen: (announcement) => options.listen(announcement),
        load: (state) => companion.there?.load(state),
        crashed: options.crashed,
      },
    );
    const control = createRevisionControl({ ...ports, objects: this.store.objects, updates });
    const present = { updates, control };
    this.#present = present;
    companion.there = await options.accompany({ config, revisions: control });
    return {
      supervisor: updates.supervisor,
      get pendingTimers() {
        return life.pendingTimers + timers.pending;
      },
      begin: async () => {
        // It waits for ever where the power goes meanwhile.
        updates.begin().catch(options.crashed);
        await settle();
      },
      detach: async () => {
        // What is under way on the host ends after the run, if at all.
        updates.close().catch(options.crashed);
        await settle();
      },
      cut: () => {
        life.cut();
        timers.close();
        if (this.#present === present) this.#present = undefined;
      },
    };
  }

  /** Undefined: nobody was there to answer, or the power went. */
  async do(deed: RevisionDeed): Promise<Reply | undefined> {
    if (deed.kind === 'cut') {
      this.#gate.cutBefore(deed.step);
      return { ok: true };
    }
    const control = this.#present?.control;
    if (control === undefined) return undefined;
    if (deed.kind === 'revision') return answerOf(giveCommand(deed, control));
    const { scenario, storage } = this.#options;
    const uploaded = storage.revisions.get(deed.revision) ?? { ...scenario, missing: new Set<string>() };
    return answerOf(uploadRevision(deed.revision, uploaded, control));
  }

  /** What factory tools and earlier uploads have left on the disk. */
  #fill({ revision, text }: Written): void {
    const { storage } = this.#options;
    const add = (from: Revision, missing: ReadonlySet<string>): void => {
      for (const sha256 of objectsOf(from)) {
        if (!missing.has(sha256)) this.store.addObject({ sha256, size: OBJECT_BYTES });
      }
    };
    add(revision, new Set());
    this.store.deploy('0', revision, text);
    for (const [name, { installed, missing, broken, ...stored }] of storage.revisions) {
      for (const sha256 of broken) this.store.corrupt(sha256);
      if (!installed) continue;
      add(stored.revision, missing);
      this.store.addRevision(name, stored.text, { status: 'NEW', message: MESSAGES.ready, retries: 0 });
    }
  }

  #signatures() {
    const { revisions } = this.#options.storage;
    const bad = [...revisions.values()].filter(({ signature }) => signature === 'bad');
    const texts = new Set(bad.map(({ text }) => text));
    return {
      check: async (text: string): Promise<void> => {
        if (texts.has(text)) throw new SupervisorError('REFUSED', MESSAGES.signatureFailed);
      },
    };
  }

  #dressed(host: RevisionHost, dress: (ports: Ports) => Ports): RevisionHost {
    const { departed } = this.#options;
    return {
      past: () => host.past(),
      open: async (next, handover) => {
        const { ports, close } = await host.open(next, handover);
        return { ports: dress(departing(ports, departed)), close };
      },
    };
  }

  /** Where no supervisor runs. */
  #bareRebooter() {
    const { diary, departed } = this.#options;
    const go = (way: 'reboot' | 'powerOff', words: string) => (because: { readonly message: string }) => {
      diary.call('', `${words}: ${because.message}`);
      departed(way);
    };
    return { reboot: go('reboot', 'reboot'), powerOff: go('powerOff', 'power off') };
  }
}
