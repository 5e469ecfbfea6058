/** Compares what a scenario expects with what is seen. */

import type { Supervisor } from '../actors/ports.ts';
import { describeExit } from '../machines/domain/recovery.ts';
import type { ContainerView } from '../machines/domain/report.ts';
import type { FakeHost } from './host.ts';
import type { RevisionDevice } from './revision-device.ts';
import type { Expectation, Order } from './scenario.ts';
import type { Trace } from './trace.ts';

export interface Check {
  /** Undefined: when the run was over. */
  readonly atMs: number | undefined;
  readonly ok: boolean;
  /** `web is BLOCKED` */
  readonly what: string;
  /** What was there instead; empty when it is as expected. */
  readonly seen: string;
}

export interface Scene {
  /** Undefined while none is running. */
  readonly supervisor: Supervisor | undefined;
  readonly host: FakeHost;
  readonly trace: Trace;
  /** Undefined where there is no store. */
  readonly device: RevisionDevice | undefined;
  /** Of the containers that ran when the last command on revisions was given. */
  readonly pids: ReadonlyMap<string, number | undefined>;
}

type Finding = readonly [what: string, expected: unknown, seen: unknown];

/** One check per wish of the expectation, in the order of the schema. */
export function checkExpectation(expectation: Expectation, scene: Scene): Check[] {
  const findings = [containerFindings, wholeFindings, revisionFindings, pastFindings].flatMap((find) => [
    ...find(expectation, scene),
  ]);
  return findings.map(([what, expected, seen]) => {
    const ok = expected === seen;
    return { atMs: expectation.at, ok, what, seen: ok ? '' : String(seen) };
  });
}

function* containerFindings({ containers = {} }: Expectation, { supervisor }: Scene): Generator<Finding> {
  const views = new Map<string, ContainerView>();
  for (const group of supervisor?.view().groups ?? []) {
    for (const container of group.containers) views.set(container.name, container);
  }
  for (const [name, wish] of Object.entries(containers)) {
    const view = views.get(name);
    const record = view?.record;
    const absent = supervisor === undefined ? 'no supervisor' : 'nothing';
    if (wish.status !== undefined) yield [`${name} is ${wish.status}`, wish.status, record?.status ?? absent];
    if (wish.goal !== undefined) yield [`goal of ${name}: ${wish.goal}`, wish.goal, view?.goal ?? absent];
    if (wish.retries !== undefined) {
      yield [`retries of ${name}: ${wish.retries}`, wish.retries, record?.retries ?? absent];
    }
    if (wish.stop_reason !== undefined) {
      yield [`stop reason of ${name}: ${wish.stop_reason}`, wish.stop_reason, record?.stopReason ?? 'none'];
    }
    if (wish.exit !== undefined) {
      const exit = describeExit(wish.exit);
      yield [
        `last exit of ${name}: ${exit}`,
        exit,
        record?.lastExit === undefined ? 'none' : describeExit(record.lastExit),
      ];
    }
  }
}

function* wholeFindings(
  { groups = {}, revision, phase }: Expectation,
  { supervisor }: Scene,
): Generator<Finding> {
  const view = supervisor?.view();
  for (const [name, wish] of Object.entries(groups)) {
    yield* standingFindings(
      `group ${name}`,
      wish,
      view?.groups.find((group) => group.name === name),
    );
  }
  if (revision !== undefined) yield* standingFindings('the revision', revision, view);
  if (phase !== undefined) yield [`the device is ${phase}`, phase, supervisor?.phase() ?? 'no supervisor'];
}

function* revisionFindings(expectation: Expectation, scene: Scene): Generator<Finding> {
  const { device, pids, supervisor } = scene;
  if (device === undefined) return;
  const { running, progress = {}, boot, stored, kept = [] } = expectation;
  if (running !== undefined) yield [`${running} runs`, running, device.running ?? 'nothing'];
  for (const [name, wish] of Object.entries(progress)) {
    const told = device.store.progress(name);
    const { status, message } = wish;
    if (status !== undefined) yield [`progress of ${name}: ${status}`, status, told?.status ?? 'none'];
    if (message !== undefined) yield [`progress of ${name}: "${message}"`, message, told?.message ?? 'none'];
  }
  const facts = { ...device.boot.variables, boots: device.boot.boots };
  for (const key of ['committed', 'trying', 'booted', 'boots'] as const) {
    const wish = boot?.[key];
    if (wish !== undefined) yield [`${BOOT_WORDS[key]}: ${wish}`, wish, facts[key] ?? 'none'];
  }
  if (stored !== undefined) yield [`stored: ${list(stored)}`, list(stored), list(device.store.names())];
  const views = supervisor?.view().groups.flatMap(({ containers }) => containers) ?? [];
  for (const name of kept) {
    const pid = views.find((view) => view.name === name)?.record?.pid;
    const before = pids.get(name);
    const same = pid !== undefined && pid === before;
    yield [`${name} keeps its process`, true, same || `pid ${before ?? 'none'}, then ${pid ?? 'none'}`];
  }
}

const BOOT_WORDS = {
  committed: 'rollback point',
  trying: 'revision to try',
  booted: 'booted',
  boots: 'boots of the device',
} as const;

function* standingFindings(
  what: string,
  wish: NonNullable<Expectation['revision']>,
  found: { readonly status: string; readonly goal: string } | undefined,
): Generator<Finding> {
  if (wish.status !== undefined) {
    yield [`${what} is ${wish.status}`, wish.status, found?.status ?? 'no supervisor'];
  }
  if (wish.goal !== undefined) {
    yield [`goal of ${what}: ${wish.goal}`, wish.goal, found?.goal ?? 'no supervisor'];
  }
}

function* pastFindings(expectation: Expectation, { host, trace }: Scene): Generator<Finding> {
  for (const { first, later } of expectation.order) {
    const what = `${first.container} ${first.status} before ${later.container} ${later.status}`;
    yield [what, 'so', inOrder(trace, first, later)];
  }
  const lines = new Set(host.diary.map(({ line }) => line));
  for (const line of expectation.diary ?? []) {
    yield [`the diary says "${line}"`, true, lines.has(line) || 'it does not'];
  }
  for (const line of expectation.never ?? []) {
    yield [`the diary never says "${line}"`, true, !lines.has(line) || 'it does'];
  }
  for (const [name, starts] of Object.entries(expectation.starts ?? {})) {
    yield [`starts of ${name}: ${starts}`, starts, host.starts(name)];
  }
  for (const [name, code] of Object.entries(expectation.failures ?? {})) {
    yield [`${name} failed with ${code}`, code, trace.failures.get(name) ?? 'no failure'];
  }
  for (const key of ['mounted', 'alive'] as const) {
    const wish = expectation[key];
    if (wish !== undefined) yield [`${key}: ${list(wish)}`, list(wish), list(host[key])];
  }
}

function inOrder(trace: Trace, first: Order['first'], later: Order['later']): string {
  const firstAt = trace.first(first.container, first.status);
  if (firstAt === undefined) return `${first.container} was never ${first.status}`;
  const laterAt = trace.first(later.container, later.status);
  if (laterAt === undefined) return `${later.container} was never ${later.status}`;
  return firstAt < laterAt ? 'so' : 'the other way round';
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.toSorted().join(', ');
}
