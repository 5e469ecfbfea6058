/** A scenario is data: a revision, how the host behaves, what happens when, and what must be seen.
 *  `readScenario` turns the text of a file into one, or tells everything that is wrong with it.
 *  Positions and wording of problems: `scenario-problems.ts`. */

import type { Revision } from '../machines/domain/revision.ts';
import type { HostConduct } from './conduct.ts';
import { type Happening, readHappening } from './deeds.ts';
import type { FakeDevice } from './host.ts';
import { fakeDevice, hostConduct } from './scenario-host.ts';
import { openDocument, type ProblemList, type ScenarioProblem } from './scenario-problems.ts';
import {
  type OpenFile,
  readFurther,
  readStorage,
  readWritten,
  type Storage,
  type Written,
} from './scenario-revisions.ts';
import { type ExpectationText, type ScenarioText, scenarioSchema } from './scenario-schema.ts';

/** `PV_UPDATER_GOALS_TIMEOUT` unless the scenario sets another. */
const GOAL_TIMEOUT_MS = 120_000;

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
  /** The state JSON that `revision` was read from. */
  readonly text: string;
  /** Undefined: there is one revision, and nothing can take its place. */
  readonly storage: Storage | undefined;
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
export async function readScenario(text: string, open: OpenFile): Promise<ReadScenario> {
  const { data, problems } = openDocument(text);
  if (problems.any) return { ok: false, problems: problems.all };
  const parsed = scenarioSchema.safeParse(data);
  if (!parsed.success) {
    problems.addIssues(parsed.error.issues);
    return { ok: false, problems: problems.all };
  }
  const first = await readWritten(parsed.data.revision, ['revision'], problems, open);
  const further = await readFurther(parsed.data, problems, open);
  if (first === undefined || problems.any) return { ok: false, problems: problems.all };
  const scenario = complete(parsed.data, first, further, problems);
  return problems.any ? { ok: false, problems: problems.all } : { ok: true, scenario };
}

function complete(
  text: ScenarioText,
  first: Written,
  further: ReadonlyMap<string, Written>,
  problems: ProblemList,
): Scenario {
  const all = [first, ...further.values()].map(({ revision }) => revision);
  const names = [...new Set(all.flatMap(({ containers }) => containers.map(({ name }) => name)))];
  const groups = [...new Set(all.flatMap((revision) => revision.groups.map(({ name }) => name)))];
  for (const name of Object.keys(text.host?.containers ?? {})) {
    problems.checkName(['host', 'containers', name], 'container', name, names);
  }
  const storage = readStorage(text, further, names, problems);
  const revisions = storage && ['0', ...further.keys()];
  const known: Names = { containers: names, groups, revisions };
  const timeline = (text.timeline ?? []).flatMap((entry, index) => {
    const happening = readHappening(entry, ['timeline', index], known, problems);
    return happening === undefined ? [] : [happening];
  });
  const expect = text.expect.map((entry, index) =>
    readExpectation(entry, ['expect', index], known, problems),
  );
  return {
    title: text.title,
    lesson: text.lesson,
    ...first,
    storage,
    defaultGoalTimeoutMs: text.goal_timeout ?? GOAL_TIMEOUT_MS,
    conduct: hostConduct(text.host ?? {}, names),
    device: fakeDevice(text.host ?? {}),
    timeline: timeline.toSorted((one, other) => one.atMs - other.atMs),
    expect,
    untilMs: text.until,
  };
}

interface Names {
  readonly containers: readonly string[];
  readonly groups: readonly string[];
  /** Undefined where the device has no store. */
  readonly revisions: readonly string[] | undefined;
}

function readExpectation(
  text: ExpectationText,
  path: readonly (string | number)[],
  { containers: names, groups, revisions }: Names,
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
  for (const key of ['running', 'progress', 'boot', 'stored', 'kept'] as const) {
    if (text[key] === undefined || revisions !== undefined) continue;
    problems.add(
      [...path, key],
      'the device has no store',
      'Give it revisions: {locals/next: {containers: …}}',
    );
  }
  for (const name of Object.keys(text.progress ?? {})) {
    if (revisions !== undefined) problems.checkName([...path, 'progress', name], 'revision', name, revisions);
  }
  for (const key of ['mounted', 'alive', 'kept'] as const) {
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
