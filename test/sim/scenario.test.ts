import assert from 'node:assert/strict';
import { type ReadScenario, readScenario } from '../../sim/scenario.ts';

const noFiles = (path: string): Promise<string> => Promise.reject(new Error(`ENOENT: no such file, ${path}`));

const HEAD = `title: A lesson
lesson: One sentence.
`;
const REVISION = `revision:
  groups: [{ name: app, timeout: 30 }]
  containers: { web: {}, db: {} }
`;
const EXPECT = `expect:
  - revision: READY
`;

async function problems(text: string): Promise<string[]> {
  const read = await readScenario(text, noFiles);
  assert.ok(!read.ok, 'this scenario is read without a problem');
  return read.problems.map(({ line, path, reason, fix }) => `${line} ${path}: ${reason}. ${fix}`);
}

async function scenario(
  text: string,
  files = noFiles,
): Promise<Extract<ReadScenario, { ok: true }>['scenario']> {
  const read = await readScenario(text, files);
  assert.ok(read.ok, JSON.stringify(read));
  return read.scenario;
}

describe('a scenario file that is wrong', () => {
  for (const { why, text, told } of [
    {
      why: 'an unknown key',
      text: `${HEAD}${REVISION}${EXPECT}timline: []\n`,
      told: ['8 timline: unknown key "timline". Did you mean "timeline"?'],
    },
    {
      why: 'an unknown key deep inside, beside another problem',
      text: `${HEAD}${REVISION}expect:\n  - containers: { web: { statu: READY, retries: many } }\n`,
      told: [
        '7 expect[0].containers.web.statu: unknown key "statu". Did you mean "status"?',
        '7 expect[0].containers.web.retries: expected number, not "many". sim/README.md shows how it is written',
      ],
    },
    {
      why: 'a key that is missing',
      text: `lesson: One sentence.\n${REVISION}${EXPECT}`,
      told: ['1 title: title is missing. Add it; sim/README.md shows every key'],
    },
    {
      why: 'a status that does not exist',
      text: `${HEAD}${REVISION}expect:\n  - containers: { web: REDY }\n`,
      told: [
        '7 expect[0].containers.web.status: "REDY" is none of INSTALLED, MOUNTED, BLOCKED, STARTING, STARTED, READY, RECOVERING, STOPPING, STOPPED. Did you mean "READY"?',
      ],
    },
    {
      why: 'a container that does not exist',
      text: `${HEAD}${REVISION}${EXPECT}timeline:\n  - { at: 1s, stop: wbe }\n`,
      told: ['9 timeline[0].stop: there is no container "wbe". Did you mean "web"?'],
    },
    {
      why: 'a duration without a unit',
      text: `${HEAD}${REVISION}${EXPECT}until: 30\n`,
      told: [
        '8 until: expected a duration such as 250ms, 5s, 2min or 1h, not 30. sim/README.md shows how it is written',
      ],
    },
    {
      why: 'two happenings in one',
      text: `${HEAD}${REVISION}${EXPECT}timeline:\n  - { at: 1s, stop: web, start: db }\n`,
      told: [
        '9 timeline[0]: more than one thing happens: stop, start. Say one of stop, start, restart, ready, crash, supervisor, device, run, run_commit, make_factory, install, cut for each time',
      ],
    },
    {
      why: 'an order that is none',
      text: `${HEAD}${REVISION}expect:\n  - order: web after db\n`,
      told: ['7 expect[0].order: "web after db" is no order. Write it like "db STARTED before web STARTING"'],
    },
    {
      why: 'an expectation of nothing',
      text: `${HEAD}${REVISION}expect:\n  - at: 5s\n`,
      told: [
        '7 expect[0]: expects nothing. Say what must be seen: containers, groups, revision, order, diary, …',
      ],
    },
    {
      why: 'no revision',
      text: `${HEAD}revision: {}\n${EXPECT}`,
      told: ['3 revision: says nothing. Give a state, or a file, or groups and containers'],
    },
    {
      why: 'a revision in a file that is not there',
      text: `${HEAD}revision: { file: state.json }\n${EXPECT}`,
      told: [
        '3 revision.file: cannot be read: ENOENT: no such file, state.json. Paths are relative to the scenario file',
      ],
    },
  ]) {
    it(`tells of ${why}, where, and what to do`, async () => assert.deepEqual(await problems(text), told));
  }

  it('passes on what is wrong with its state (R-11)', async () => {
    const [told] = await problems(`${HEAD}revision:\n  containers: { web: { group: nowhere } }\n${EXPECT}`);
    assert.match(told ?? '', /^3 revision: makes a state that is refused at \$\["web\/run.json"\]\.group: /);
  });

  it('tells where YAML goes wrong', async () => {
    const [told] = await problems(`title: [\nlesson: x\n`);
    assert.match(told ?? '', /^\d+ : .+\. Correct the YAML there$/);
  });

  it('is refused when a key stands twice', async () => {
    const [told] = await problems(`${HEAD}title: Again\n${REVISION}${EXPECT}`);
    assert.match(told ?? '', /unique/);
  });
});

describe('a scenario file that is right', () => {
  it('may be JSON', async () => {
    const { revision, untilMs } = await scenario(
      JSON.stringify({
        title: 'A',
        lesson: 'B',
        revision: { containers: { web: { group: 'app' } } },
        expect: [{ phase: 'running' }],
        until: '2min',
      }),
    );
    assert.deepEqual(
      revision.groups.map(({ name }) => name),
      ['data', 'root', 'platform', 'app'],
    );
    assert.equal(untilMs, 120_000);
  });

  it('may hold a whole state, or name a file with one', async () => {
    const state = { '#spec': 'pantavisor-service-system@1' };
    const inline = await scenario(`${HEAD}revision: { state: ${JSON.stringify(state)} }\n${EXPECT}`);
    const filed = await scenario(`${HEAD}revision: { file: some/state.json }\n${EXPECT}`, async (path) => {
      assert.equal(path, 'some/state.json');
      return JSON.stringify(state);
    });
    assert.deepEqual(inline.revision.containers, []);
    assert.deepEqual(filed.revision.containers, []);
  });

  it('has its timeline sorted by time, happenings of one instant in the order of the file', async () => {
    const { timeline } = await scenario(
      `${HEAD}${REVISION}${EXPECT}timeline:\n  - { at: 5s, stop: web }\n  - { at: 1s, stop: db }\n  - { at: 5s, start: web }\n`,
    );
    assert.deepEqual(
      timeline.map(({ atMs, deed }) => `${atMs} ${deed.kind === 'command' ? deed.command.type : deed.kind}`),
      ['1000 container.stop', '5000 container.stop', '5000 container.start'],
    );
  });
});
