/** Watches one simulated life from outside: what supervisors announce, what the host is asked and what happens on it.
 *  It keeps its own account of every container by `tables.ts` alone and writes down every disagreement.
 *  `hears…` are told of events as they happen; `rests` is asked whenever an instant of virtual time is over. Long, but
 *  one judgement: cut apart, the halves would pass the whole account back and forth. */

import type { ContainerRecord } from '../../machines/domain/record.ts';
import type { Announcement, DevicePhase } from '../../machines/domain/report.ts';
import type { Revision } from '../../machines/domain/revision.ts';
import type { GoalState, Status } from '../../machines/domain/status.ts';
import type { Decision, Operation } from '../../sim/conduct.ts';
import type { DiaryEntry } from '../../sim/diary.ts';
import { type Account, account, type Told, WISHES } from './account.ts';
import {
  accepts,
  goalOf,
  goalOver,
  hasProcess,
  isPreparing,
  mayFollow,
  sequelOf,
  statusOver,
  type UserOrder,
} from './tables.ts';

export interface AuditInput {
  readonly revision: Revision;
  readonly defaultTimeoutMs: number;
  readonly now: () => number;
  readonly host: () => { readonly alive: readonly string[]; readonly mounted: readonly string[] };
}

export class Audit {
  readonly complaints: string[] = [];
  phase: DevicePhase = 'running';
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #groups: readonly string[];
  readonly #standings = new Map<string, { status: Status; goal: GoalState }>();
  readonly #input: AuditInput;
  #loadsBusyUntil = 0;
  /** When the present supervisor began. */
  #bornAt = 0;

  constructor(input: AuditInput) {
    const { revision, defaultTimeoutMs } = input;
    this.#input = input;
    this.#groups = revision.groups.map(({ name }) => name);
    this.#accounts = new Map(
      revision.containers.map((spec) => {
        const group = this.#groups.indexOf(spec.group);
        return [spec.name, account(spec, group, revision.groups[group]?.goalTimeoutMs ?? defaultTimeoutMs)];
      }),
    );
  }

  /** A user's order, before it is sent; says whether it must be accepted. Undefined while the device is going down. */
  hearsOrder(order: UserOrder, name: string): boolean | undefined {
    const own = this.#account(name);
    const status = own.told?.record.status;
    if (this.phase !== 'running' || status === undefined) return undefined;
    const accepted = accepts(order, own.spec, status);
    if (!accepted) return false;
    if (order === 'ready') own.signalled = true;
    else if (order === 'stop') own.wish = 'stop';
    else if (status === 'STOPPING') own.wish = 'restart';
    else if (status === 'RECOVERING' || status === 'STOPPED')
      Object.assign(own, { wish: 'run', retries: 0, anew: true });
    else if (order === 'restart') own.wish = 'restart';
    return true;
  }

  hearsDecision(operation: Operation, subject: string, { latencyMs = 0, hangs = false }: Decision): void {
    const until = hangs && operation !== 'unmount' ? Number.POSITIVE_INFINITY : this.#input.now() + latencyMs;
    if (operation === 'load') this.#loadsBusyUntil = Math.max(this.#loadsBusyUntil, until);
    if (operation === 'mount' || operation === 'unmount') this.#account(subject).volumesBusyUntil = until;
    if (operation === 'unmount') this.#account(subject).stuck = false;
    if (operation === 'start') this.#account(subject).startHangs = hangs;
  }

  hearsDiary({ kind, subject, line }: DiaryEntry): void {
    if (kind === 'violation') this.#complain(`the host forbids: ${line}`);
    const own = this.#accounts.get(subject);
    if (own === undefined) return;
    if (line === `mount ${subject}`) this.#mounts(own);
    else if (line === `start ${subject}`) this.#starts(own);
    else if (line.startsWith(`${subject} runs as pid `)) own.pid = Number(line.split(' ').at(-1));
    else if (line.startsWith(`${subject} exited: `)) {
      own.pid = undefined;
      own.endedWell = line.endsWith('exited: exit status 0');
    } else if (line === `${subject} signals ready`) this.hearsOrder('ready', subject);
    else if (line.startsWith(`unmount ${subject} failed`)) own.stuck = true;
    else if (line === `mount ${subject} aborted`) own.volumesBusyUntil = 0;
    else if (line.startsWith('sweep ')) Object.assign(own, { stuck: false, volumesBusyUntil: 0 });
  }

  hears(announcement: Announcement): void {
    switch (announcement.type) {
      case 'container':
        this.#container(this.#account(announcement.record.name), announcement);
        break;
      case 'group':
        this.#standings.set(announcement.name, announcement);
        break;
      case 'revision':
        this.#standings.set('', announcement);
        break;
      case 'failure':
        this.#account(announcement.container).failed = true;
        break;
      case 'device':
        this.phase = announcement.phase;
        if (announcement.phase === 'stopping') for (const own of this.#accounts.values()) own.wish = 'system';
        break;
      default:
        announcement satisfies never;
    }
  }

  /** The supervisor is gone: what is durable stays. */
  hearsDeath(): void {
    this.phase = 'running';
    this.#standings.clear();
    this.#loadsBusyUntil = 0;
    for (const own of this.#accounts.values()) {
      Object.assign(own, {
        told: undefined,
        anew: false,
        sequel: undefined,
        failed: false,
        volumesBusyUntil: 0,
      });
    }
  }

  /** The next one knows what is durable, and what the host still runs. */
  hearsBirth(): void {
    this.#bornAt = this.#input.now();
    const alive = new Set(this.#input.host().alive);
    for (const own of this.#accounts.values()) {
      const wanted = WISHES[own.durable?.intent ?? 'run'];
      // The shutdown is over: what was still stopping begins anew.
      own.wish = wanted === 'system' && alive.has(own.spec.name) ? 'restart' : wanted;
      own.retries = own.wish === 'system' ? 0 : (own.durable?.retries ?? 0);
    }
  }

  /** Nothing more is due at this instant. */
  rests(): void {
    const { alive, mounted } = this.#input.host();
    const running = new Set(alive);
    const holding = new Set(mounted);
    for (const own of this.#accounts.values()) {
      if (own.told === undefined) this.#complain(`${own.spec.name} was lost`);
      else this.#rests(own, own.told, running.has(own.spec.name), holding.has(own.spec.name));
    }
    for (const name of ['', ...this.#groups]) {
      const members = this.#members(name);
      const told = this.#standings.get(name);
      const status = statusOver(members);
      const goal = goalOver(members.map((member) => member.goal));
      if (told?.status !== status || told.goal !== goal) {
        const what = name === '' ? 'the revision' : `group ${name}`;
        this.#complain(`${what} is announced ${told?.status}/${told?.goal}, by R-05 it is ${status}/${goal}`);
      }
    }
  }

  /** No timer is left anywhere: whatever is not where it should be will never get there. */
  restsForever(): void {
    if (this.phase === 'stopping') this.#complain('the stop of the device never completes');
    for (const { spec, told, startHangs } of this.#accounts.values()) {
      const status = told?.record.status;
      const stays =
        status === 'STOPPING' || status === 'RECOVERING' || (status === 'STARTING' && !startHangs);
      if (stays) this.#complain(`${spec.name} stays ${status} for ever`);
    }
    if (this.phase === 'running') return;
    const { alive, mounted } = this.#input.host();
    for (const { spec, told, stuck } of this.#accounts.values()) {
      if (told?.record.status !== 'STOPPED')
        this.#complain(`${spec.name} is ${told?.record.status} on a stopped device`);
      if (mounted.includes(spec.name) && !stuck)
        this.#complain(`${spec.name} is mounted on a stopped device`);
    }
    if (alive.length > 0) this.#complain(`alive on a stopped device: ${alive.join(', ')}`);
  }

  #container(own: Account, told: Told): void {
    const { name } = own.spec;
    const { record } = told;
    const { status } = record;
    const before = own.told?.record.status;
    if (told.from !== before) this.#complain(`${name} is announced from ${told.from}, it was ${before}`);
    const move = before === undefined ? this.#begins(own, status) : this.#moves(own, before, told);
    if (move !== undefined)
      this.#complain(
        `${name} ${before} → ${status}${own.wish === 'run' ? '' : ` (wish ${own.wish})`}: ${move}`,
      );
    this.#enter(own, before, record);
    if (record.retries !== own.retries)
      this.#complain(`${name} counts ${record.retries} retries, not ${own.retries}`);
    own.told = told;
    own.durable = record;
    const goal = this.#goal(own, told.at);
    if (told.goal !== goal)
      this.#complain(`${name} ${status} is announced ${told.goal}, by R-04 it is ${goal}`);
  }

  /** What a new supervisor announces first (R-08). */
  #begins(own: Account, status: Status): string | undefined {
    const last = own.durable?.status;
    const expected = ((): Status => {
      if (last === undefined) return 'INSTALLED';
      if (this.#input.host().alive.includes(own.spec.name)) return hasProcess(last) ? last : 'STARTING';
      // The device was stopped: what was stopped with it begins anew.
      if (own.wish === 'system') return 'INSTALLED';
      // Asked for on record, and the supervisor died before it asked: as good as never.
      if (last === 'STARTING' && own.mayStart) return 'INSTALLED';
      if (hasProcess(last)) return 'STOPPED';
      if (isPreparing(last)) {
        if (own.wish === 'stop') return 'STOPPED';
        return last === 'MOUNTED' && own.spec.statusGoal === 'MOUNTED' && own.wish === 'run'
          ? 'MOUNTED'
          : 'INSTALLED';
      }
      return last;
    })();
    if (status !== expected) return `after ${last} the next supervisor announces ${expected}`;
    return undefined;
  }

  /** Why this move is wrong; undefined when it is right. */
  #moves(own: Account, from: Status, { at, record }: Told): string | undefined {
    const { status, stopReason } = record;
    if (!mayFollow(from, status)) return 'no row of lifecycle §2.2';
    const again = own.sequel?.next === 'again' ? own.sequel : undefined;
    switch (status) {
      case 'INSTALLED':
        if (from === status || own.anew || own.wish === 'restart') return undefined;
        if (from === 'RECOVERING') {
          return at === Math.max(own.durable?.retryAt ?? 0, this.#bornAt)
            ? undefined
            : 'its retry is not due';
        }
        return again?.delayMs === 0 ? undefined : 'nothing grants it another start';
      case 'STARTED':
        return record.pid === own.pid ? undefined : `pid ${record.pid} is not ${own.pid}`;
      case 'READY':
        return own.signalled ? undefined : 'there was no signal';
      case 'RECOVERING':
        if (from === status)
          return record.retryAt === own.durable?.retryAt ? undefined : 'its retry has moved';
        if (again === undefined || again.delayMs === 0) return 'nothing grants it a delayed retry';
        return record.retryAt === at + again.delayMs ? undefined : `its delay is ${again.delayMs} ms`;
      case 'STOPPING':
        return own.wish === 'run' ? 'nobody asked for it' : undefined;
      case 'STOPPED':
        return this.#stops(own, from, stopReason, at);
      default:
        return undefined;
    }
  }

  #stops(own: Account, from: Status, reason: ContainerRecord['stopReason'], at: number): string | undefined {
    const expected = this.#endOf(own, from, at);
    return reason === expected ? undefined : `its reason is ${reason}, should be ${expected}`;
  }

  /** The reason with which STOPPED is announced; undefined when it is only passed. */
  #endOf(own: Account, from: Status, at: number): ContainerRecord['stopReason'] {
    if (own.stuck && from !== 'STOPPED') return 'failed';
    if (own.wish === 'run' && from === 'STOPPED') return own.durable?.stopReason;
    if (own.wish === 'restart') return undefined;
    if (own.wish !== 'run') return own.wish === 'stop' ? 'user' : 'system';
    const uptimeMs = own.startedAt === undefined ? 0 : at - own.startedAt;
    own.sequel = sequelOf(own.spec.recovery, { well: own.endedWell, retries: own.retries, uptimeMs });
    return own.sequel.next === 'again' ? undefined : own.sequel.next;
  }

  /** Writes the move into the account. */
  #enter(own: Account, before: Status | undefined, { status, stopReason }: ContainerRecord): void {
    if (status === before) return;
    const undecided = own.durable?.status !== 'STOPPED' || own.durable.stopReason === undefined;
    // An exit that the supervisor before did not come to judge.
    if (before === undefined && status === 'STOPPED' && undecided)
      this.#endOf(own, 'STOPPING', this.#input.now());
    if (own.sequel?.next === 'again' && (status === 'INSTALLED' || status === 'RECOVERING')) {
      own.retries = own.sequel.retries;
    }
    if (status !== 'STOPPED') own.sequel = undefined;
    if (status === 'INSTALLED') {
      if (own.wish === 'restart') own.retries = 0;
      Object.assign(own, { wish: 'run', anew: false, mayStart: true, deadline: undefined, reached: false });
    }
    if (status === 'STARTING' && before !== undefined) {
      const now = this.#input.now();
      Object.assign(own, { startedAt: now, deadline: now + own.timeoutMs, reached: false });
    }
    if (status === 'STOPPED' && own.wish === 'system') own.deadline = undefined;
    if (status === own.spec.statusGoal) own.reached = true;
    if (stopReason !== undefined) own.sequel = undefined;
  }

  #mounts(own: Account): void {
    const { name } = own.spec;
    if (this.phase !== 'running') this.#complain(`${name} is mounted while the device is ${this.phase}`);
    this.#groups.slice(0, own.group).forEach((group) => {
      if (goalOver(this.#members(group).map(({ goal }) => goal)) === 'UNACHIEVED') {
        this.#complain(`${name} is mounted although the earlier group ${group} is UNACHIEVED`);
      }
    });
  }

  #starts(own: Account): void {
    const { name } = own.spec;
    if (!own.mayStart) this.#complain(`${name} is started although nothing granted a start`);
    if (own.spec.statusGoal === 'MOUNTED') this.#complain(`${name} is started although its goal is MOUNTED`);
    if (this.phase !== 'running') this.#complain(`${name} is started while the device is ${this.phase}`);
    if (own.told?.record.status !== 'STARTING') this.#complain(`${name} is started before that is on record`);
    Object.assign(own, { mayStart: false, signalled: false, endedWell: false });
  }

  #rests(own: Account, { record, goal }: Told, alive: boolean, mounted: boolean): void {
    const { name, statusGoal } = own.spec;
    const { status, intent } = record;
    const busy = own.volumesBusyUntil > this.#input.now();
    const complain = (what: string): void => this.#complain(`${name} ${status}: ${what}`);

    if (WISHES[intent] !== own.wish) complain(`the wish ${own.wish} is not on record, but ${intent}`);
    const due = this.#goal(own, this.#input.now());
    if (goal !== due) complain(`its goal is told as ${goal}, by R-04 it is ${due}`);
    if (alive && !hasProcess(status)) complain('it has a process');
    if (!alive && hasProcess(status) && !busy)
      complain('it has no process, and nothing is being done about it');
    if (alive && record.pid !== own.pid && status !== 'STARTING')
      complain(`its pid is ${own.pid}, not ${record.pid}`);
    if (!mounted && (status === 'MOUNTED' || hasProcess(status))) complain('nothing is mounted');
    if (mounted && !own.stuck) {
      if (status === 'STOPPED' || status === 'RECOVERING') complain('its volumes are mounted');
      if ((status === 'INSTALLED' || status === 'BLOCKED') && !busy) complain('its volumes are mounted');
    }
    if (status === 'STOPPED' && record.stopReason === undefined) complain('it rests without a reason');
    if (record.stopReason === 'failed' && !own.failed) complain('its failure was not told');
    if (this.phase !== 'running' || own.failed || own.wish !== 'run') return;

    if (status === 'STOPPED' && record.stopReason === 'system')
      complain('on a running device nobody will start it');
    if (status === 'STARTED' && statusGoal === 'READY' && own.signalled && alive)
      complain('its signal was lost');
    if (busy) return;
    const loading = this.#loadsBusyUntil > this.#input.now();
    if (status === 'MOUNTED' && statusGoal !== 'MOUNTED' && !loading) complain('nothing loads for it');
    const closed = this.#groups
      .slice(0, own.group)
      .some((group) => goalOver(this.#members(group).map((member) => member.goal)) === 'UNACHIEVED');
    if (status === 'INSTALLED') complain(closed ? 'earlier groups block it' : 'nothing mounts it');
    if (status === 'BLOCKED' && !closed) complain('no earlier group blocks it');
  }

  /** Where the members of a group stand now, all containers for ''. */
  #members(group: string): { status: Status; goal: GoalState }[] {
    const now = this.#input.now();
    return [...this.#accounts.values()]
      .filter(({ spec }) => group === '' || spec.group === group)
      .map((own) => ({ status: own.told?.record.status ?? 'INSTALLED', goal: this.#goal(own, now) }));
  }

  #goal({ spec, told, reached, deadline }: Account, at: number): GoalState {
    if (told === undefined) return 'UNACHIEVED';
    const { status, stopReason } = told.record;
    const fired = deadline !== undefined && at >= deadline;
    return goalOf({ goal: spec.statusGoal, status, reason: stopReason, reached, fired });
  }

  #account(name: string): Account {
    const own = this.#accounts.get(name);
    if (own === undefined) throw new Error(`no container ${name}`);
    return own;
  }

  #complain(what: string): void {
    this.complaints.push(`at ${this.#input.now()} ms: ${what}`);
  }
}
