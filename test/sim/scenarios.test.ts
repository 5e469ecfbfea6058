import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type RunResult, runScenario } from '../../sim/run.ts';
import { readScenario, type Scenario } from '../../sim/scenario.ts';

const directory = new URL('../../sim/scenarios/', import.meta.url);
const files = readdirSync(directory).filter((file) => file.endsWith('.yaml'));

async function load(file: string): Promise<Scenario> {
  const read = await readScenario(readFileSync(new URL(file, directory), 'utf8'), () =>
    Promise.reject(new Error('the lessons need no other file')),
  );
  assert.ok(read.ok, JSON.stringify(read));
  return read.scenario;
}

function missed({ checks }: RunResult): string[] {
  return checks
    .filter(({ ok }) => !ok)
    .map(({ atMs, what, seen }) => `${atMs ?? 'end'} ${what}; seen ${seen}`);
}

describe('the lessons', () => {
  it('are at least eight', () => assert.ok(files.length >= 8));

  for (const file of files) {
    it(`${file} teaches what it says, whatever the order of simultaneous timers`, async () => {
      const scenario = await load(file);
      for (const seed of [undefined, 1, 2, 3, 4, 5]) {
        assert.deepEqual(missed(await runScenario(scenario, { seed })), [], `seed ${seed}`);
      }
    });
  }

  it('give the same trace for the same seed, byte for byte', async () => {
    for (const file of files) {
      const scenario = await load(file);
      const trace = async (): Promise<string> =>
        JSON.stringify((await runScenario(scenario, { seed: 42 })).trace);
      assert.equal(await trace(), await trace(), file);
    }
  });
});

describe('a simulation', () => {
  it('runs the examples of the manual', async () => {
    const manual = readFileSync(new URL('../README.md', directory), 'utf8');
    const examples = [...manual.matchAll(/```yaml\n(.*?)```/gs)];
    assert.equal(examples.length, 2);
    for (const [, text = ''] of examples) {
      const read = await readScenario(text, () => Promise.reject(new Error('no other file')));
      assert.ok(read.ok, JSON.stringify(read));
      assert.deepEqual(missed(await runScenario(read.scenario)), []);
    }
  });

  it('has every lesson in the manual', () => {
    const manual = readFileSync(new URL('../README.md', directory), 'utf8');
    const told = files.filter((file) => manual.includes(`| \`${file.replace('.yaml', '')}\` `));
    assert.deepEqual(told, files);
  });

  it('runs an hour of the crash loop, and the container is retried to the end', async () => {
    const { endedAtMs, host, trace } = await runScenario(await load('crash-loop.yaml'));
    assert.equal(endedAtMs, 3_600_000);
    assert.ok(host.starts('flaky') > 50, `${host.starts('flaky')} starts`);
    assert.ok((trace.at(-1)?.at ?? 0) > 3_000_000);
  });

  it('says what was seen in place of what was expected', async () => {
    const scenario = await load('group-gating.yaml');
    const result = await runScenario({
      ...scenario,
      expect: [
        {
          at: 1000,
          order: [],
          containers: { screen: { status: 'READY', goal: 'ACHIEVED' } },
          diary: ['mount ghost'],
          starts: { network: 2 },
        },
      ],
    });
    assert.equal(result.passed, false);
    assert.deepEqual(missed(result), [
      '1000 screen is READY; seen BLOCKED',
      '1000 goal of screen: ACHIEVED; seen UNACHIEVED',
      '1000 the diary says "mount ghost"; seen it does not',
      '1000 starts of network: 2; seen 1',
    ]);
  });

  it('paces every instant when asked to', async () => {
    const paced: number[] = [];
    await runScenario(await load('group-gating.yaml'), {
      pace: async (at) => {
        paced.push(at);
      },
    });
    assert.deepEqual(
      paced,
      paced.toSorted((one, other) => one - other),
    );
    assert.equal(paced.at(-1), 10_000);
  });
});
