/** A scenario is data: a revision, how the host behaves, what happens when, and what must be seen.
 *  `readScenario` turns the text of a file into one, or tells everything that is wrong with it.
 *  Positions and wording of problems: `scenario-problems.ts`. */

import type { DeviceCommand } from '../actors/ports.ts';
import type { Exit } from '../machines/domain/recovery.ts';
import type { Revision } from '../machines/domain/revision.ts';
import { parseState } from '../machines/domain/state-json.ts';
import type { HostConduct } from './conduct.ts';
import type { FakeDevice } from './host.ts';
import { fakeDevice, hostConduct } from './scenario-host.ts';
import { openDocument, type ProblemList, type ScenarioProblem } from './scenario-problems.ts';
import {
  type ExpectationText,
  type HappeningText,
  type RevisionText,
  type ScenarioText,
  scenarioSchema,
} from './scenario-schema.ts';
import { expandRevision } from './short-revision.ts';

/** `PV_UPDATER_GOALS_TIMEOUT` unless the scenario sets another. */
const GOAL_TIMEOUT_MS = 120_000;

export type Deed =
  | { readonly kind: 'command'; readonly command: DeviceCommand }
  /** Init of the container signals ready. */
  | { readonly kind: 'ready'; readonly container: string }
  | { readonly kind: 'crash'; readonly container: string; readonly exit: Exit }
  /** `kill`: as `kill -9`. `detach`: it lets go of its containers and ends. `boot`: the next one begins. */
  | { readonly kind: 'supervisor'; readonly what: 'kill' | 'detach' | 'boot' }
  /** The device loses power and comes back. */
  | { readonly kind: 'powerCycle' };

export interface Happening {
  readonly atMs: number;
  readonly deed: Deed;
  /** What whoever does it is told; `unheard`: nobody was there to answer. */
  readonly answer: 'ok' | 'not-found' | 'forbidden' | 'conflict' | 'unheard';
}

/** `a STARTED before b STARTING`. */
export interface Order {
  readonly first: { readonly container: string; readonly status: string };
  readonly later: { readonly container: string; readonly status: string };
}

/** Absent `at`: when the run is over. */
export type Expectation = Omit<ExpectationText, 'order'> & { readonly order: readonly Order[] };

export interface Scenario {
  readonly title: string;
  /** What it teaches, in one sentence. */
  readonly lesson: string;
  readonly revision: Revision;
  readonly defaultGoalTimeoutMs: number;
  readonly conduct: HostConduct;
  readonly device: FakeDevice;
  /** In order of time; those of one instant in the order of the file. */
  readonly timeline: readonly Happening[];
  readonly expect: readonly Expectation[];
  /** Undefined: until nothing more would happen, see `run.ts`. */
  readonly untilMs: number | undefined;
}

export type ReadScenario =
  | { readonly ok: true; readonly scenario: Scenario }
  | { readonly ok: false; readonly problems: readonly ScenarioProblem[] };

/** Reads a scenario, YAML or JSON. `open` reads the file that `revision.file` names. */
export async function readScenario(
  text: string,
  open: (path: string) => Promise<string>,
): Promise<ReadScenario> {
  const { data, problems } = openDocument(text);
  if (problems.any) return { ok: false, problems: problems.all };
  const parsed = scenarioSchema.safeParse(data);
  if (!parsed.success) {
    problems.addIssues(parsed.error.issues);
    return { ok: false, problems: problems.all };
  }
  const revision = await readRevision(parsed.data.revision, problems, open);
  if (revision === undefined) return { ok: false, problems: problems.all };
  const scenario = complete(parsed.data, revision, problems);
  return problems.any ? { ok: false, problems: problems.all } : { ok: true, scenario };
}

async function readRevision(
  text: RevisionText,
  problems: ProblemList,
  open: (path: string) => Promise<string>,
): Promise<Revision | undefined> {
  const short = text.containers !== undefined || text.groups !== undefined || text.drivers !== undefined;
  const forms = [text.state !== undefined, text.file !== undefined, short].filter(Boolean).length;
  if (forms !== 1) {
    const reason = forms === 0 ? 'says nothing' : 'is given in more than one form';
    problems.add(['revision'], reason, 'Give a state, or a file, or groups and containers');
    return undefined;
  }
  let json: string;
  if (text.file === undefined) {
    json = text.state === undefined ? expandRevision(text) : JSON.stringify(text.state, undefined, 2);
  } else {
    try {
      json = await open(text.file);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problems.add(['revision', 'file'], `cannot be read: ${why}`, 'Paths are relative to the scenario file');
      return undefined;
    }
  }
  const parsed = parseState(json);
  if (parsed.ok) return parsed.revision;
  for (const { path, reason, fix } of parsed.problems) {
    problems.add(['revision'], `makes a state that is refused at ${path}: ${reason}`, fix);
  }
  return undefined;
}

function complete(text: ScenarioText, revision: Revision, problems: ProblemList): Scenario {
  const names = revision.containers.map(({ name }) => name);
  const groups = revision.groups.map(({ name }) => name);
  for (const name of Object.keys(text.host?.containers ?? {})) {
    problems.checkName(['host', 'containers', name], 'container', name, names);
  }
  const timeline = (text.timeline ?? []).flatMap((entry, index) => {
    const happening = readHappening(entry, ['timeline', index], names, problems);
    return happening === undefined ? [] : [happening];
  });
  const expect = text.expect.map((entry, index) =>
    readExpectation(entry, ['expect', index], { names, groups }, problems),
  );
  return {
    title: text.title,
    lesson: text.lesson,
    revision,
    defaultGoalTimeoutMs: text.goal_timeout ?? GOAL_TIMEOUT_MS,
    conduct: hostConduct(text.host ?? {}, names),
    device: fakeDevice(text.host ?? {}),
    timeline: timeline.toSorted((one, other) => one.atMs - other.atMs),
    expect,
    untilMs: text.until,
  };
}

function readHappening(
  text: HappeningText,
  path: readonly (string | number)[],
  names: readonly string[],
  problems: ProblemList,
): Happening | undefined {
  const { at, answer = 'ok', ...deeds } = text;
  const found = Object.keys(deeds);
  const [key] = found;
  if (key === undefined || found.length > 1) {
    const reason = key === undefined ? 'nothing happens' : `more than one thing happens: ${found.join(', ')}`;
    problems.add(
      path,
      reason,
      'Say one of stop, start, restart, ready, crash, supervisor, device for each time',
    );
    return undefined;
  }
  const container = deeds.crash?.container ?? deeds.stop ?? deeds.start ?? deeds.restart ?? deeds.ready;
  // A command for a container that does not exist may be what the lesson is about.
  if (container !== undefined && answer !== 'not-found') {
    problems.checkName([...path, key], 'container', container, names);
  }
  const deed = readDeed(deeds);
  return deed === undefined ? undefined : { atMs: at, deed, answer };
}

function readDeed(deeds: Omit<HappeningText, 'at' | 'answer'>): Deed | undefined {
  const { stop, start, restart, ready, crash, supervisor, device } = deeds;
  if (stop !== undefined) return { kind: 'command', command: { type: 'container.stop', name: stop } };
  if (start !== undefined) return { kind: 'command', command: { type: 'container.start', name: start } };
  if (restart !== undefined)
    return { kind: 'command', command: { type: 'container.restart', name: restart } };
  if (ready !== undefined) return { kind: 'ready', container: ready };
  if (crash !== undefined) return { kind: 'crash', ...crash };
  if (supervisor !== undefined) return { kind: 'supervisor', what: supervisor };
  if (device === 'power-cycle') return { kind: 'powerCycle' };
  return device === undefined ? undefined : { kind: 'command', command: { type: `device.${device}` } };
}

function readExpectation(
  text: ExpectationText,
  path: readonly (string | number)[],
  { names, groups }: { names: readonly string[]; groups: readonly string[] },
  problems: ProblemList,
): Expectation {
  const { at: _, ...wishes } = text;
  if (Object.keys(wishes).length === 0) {
    problems.add(
      path,
      'expects nothing',
      'Say what must be seen: containers, groups, revision, order, diary, …',
    );
  }
  for (const key of ['containers', 'starts', 'failures'] as const) {
    for (const name of Object.keys(text[key] ?? {})) {
      problems.checkName([...path, key, name], 'container', name, names);
    }
  }
  for (const key of ['mounted', 'alive'] as const) {
    for (const name of text[key] ?? []) problems.checkName([...path, key], 'container', name, names);
  }
  for (const name of Object.keys(text.groups ?? {})) {
    problems.checkName([...path, 'groups', name], 'group', name, groups);
  }
  const order = (text.order ?? []).flatMap((line) => {
    const match = /^(\S+) ([A-Z]+) before (\S+) ([A-Z]+)$/.exec(line);
    const [, one, oneStatus, other, otherStatus] = match ?? [];
    if (one === undefined || oneStatus === undefined || other === undefined || otherStatus === undefined) {
      problems.add(
        [...path, 'order'],
        `"${line}" is no order`,
        'Write it like "db STARTED before web STARTING"',
      );
      return [];
    }
    problems.checkName([...path, 'order'], 'container', one, names);
    problems.checkName([...path, 'order'], 'container', other, names);
    problems.checkStatus([...path, 'order'], oneStatus);
    problems.checkStatus([...path, 'order'], otherStatus);
    return [
      { first: { container: one, status: oneStatus }, later: { container: other, status: otherStatus } },
    ];
  });
  return { ...text, order };
}
