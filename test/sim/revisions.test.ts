/** Scenarios about revisions: what can be said wrongly, and what the lessons do not show. */

import assert from 'node:assert/strict';
import { BOOT_MS, type RunResult, runScenario } from '../../sim/run.ts';
import { readScenario } from '../../sim/scenario.ts';

interface Sketch {
  readonly storage?: string;
  readonly next?: string;
  readonly timeline: readonly string[];
  readonly expect?: readonly string[];
}

const GROUPS = 'groups: [{ name: app, timeout: 10, restart_policy: container }]';

/** Revision 0 has `db` and `web`; `locals/next` has another `web`. */
function scenarioOf({ storage = 'commit_delay: 5s', next = '', timeline, expect = [] }: Sketch): string {
  return `
title: t
lesson: l
revision: { ${GROUPS}, containers: { db: { version: 1 }, web: { version: 1 } } }
revisions:
  locals/next: { ${GROUPS}, containers: { db: { version: 1 }, web: { version: 2 } }${next} }
storage: { ${storage} }
host: { every: { mount: 5ms, start: 30ms, halt: 200ms } }
timeline: [${timeline.map((line) => `{ ${line} }`).join(', ')}]
expect:
  - revision: READY
${expect.map((line) => `  - { ${line} }`).join('\n')}
until: 100s
`;
}

const noFile = () => Promise.reject(new Error('there is none'));

async function play(sketch: Sketch): Promise<RunResult> {
  const read = await readScenario(scenarioOf(sketch), noFile);
  assert.ok(read.ok, JSON.stringify(read));
  return runScenario(read.scenario);
}

async function problemsOf(text: string): Promise<string[]> {
  const read = await readScenario(text, noFile);
  assert.ok(!read.ok, 'this scenario is read without a problem');
  return read.problems.map(({ path, reason, fix }) => `${path}: ${reason}. ${fix}`);
}

function missed({ checks }: RunResult): string[] {
  return checks.filter(({ ok }) => !ok).map(({ what, seen }) => `${what}; seen ${seen}`);
}

describe('a scenario with revisions that is wrong', () => {
  const plain = 'title: t\nlesson: l\nrevision: { containers: { web: {} } }\n';
  for (const { why, text, told } of [
    {
      why: 'names a revision that is not there',
      text: scenarioOf({ timeline: ['at: 1s, install: locals/nxt'] }),
      told: ['timeline[0].install: there is no revision "locals/nxt". Did you mean "locals/next"?'],
    },
    {
      why: 'expects progress of a revision that is not there',
      text: scenarioOf({ timeline: [], expect: ['progress: { locals/nxt: DONE }'] }),
      told: ['expect[1].progress.locals/nxt: there is no revision "locals/nxt". Did you mean "locals/next"?'],
    },
    {
      why: 'expects a progress that does not exist',
      text: scenarioOf({ timeline: [], expect: ['progress: { locals/next: DNE }'] }),
      told: [
        'expect[1].progress.locals/next.status: "DNE" is none of NEW, QUEUED, DOWNLOADING, INPROGRESS, TESTING, UPDATED, DONE, WONTGO, ERROR. Did you mean "DONE"?',
      ],
    },
    {
      why: 'lacks an object that the revision does not have',
      text: scenarioOf({ timeline: [], next: ', missing: web/root.squash' }),
      told: [
        'revisions.locals/next.missing: there is no object "web/root.squash". Did you mean "web/root.squashfs"?',
      ],
    },
    {
      why: 'gives a revision a name that none can have',
      text: `${plain}revisions: { ../etc: { containers: { web: {} } } }\nexpect: [{ revision: READY }]\n`,
      told: ['revisions.../etc: "../etc" is no name of a revision. Write it like locals/next'],
    },
    {
      why: 'has an update without a store',
      text: `${plain}timeline: [{ at: 1s, run: locals/next }]\nexpect: [{ running: locals/next }]\n`,
      told: [
        'timeline[0].run: the device has no store. Give it revisions: {locals/next: {containers: …}}',
        'expect[0].running: the device has no store. Give it revisions: {locals/next: {containers: …}}',
      ],
    },
  ]) {
    it(why, async () => assert.deepEqual(await problemsOf(text), told));
  }
});

describe('a simulated device with a store', () => {
  it('says what was seen in place of what was expected', async () => {
    const result = await play({
      timeline: ['at: 10s, run: locals/next'],
      expect: [
        'running: locals/other',
        'progress: { locals/next: { status: DONE, message: done } }',
        'boot: { committed: locals/next, trying: none, boots: 2 }',
        'stored: ["0"]',
        'kept: [web, db]',
      ],
    });
    assert.deepEqual(missed(result), [
      'locals/other runs; seen locals/next',
      'progress of locals/next: DONE; seen UPDATED',
      'progress of locals/next: "done"; seen Update finished, revision not set as rollback point',
      'rollback point: locals/next; seen 0',
      'revision to try: none; seen locals/next',
      'boots of the device: 2; seen 1',
      'stored: 0; seen 0, locals/next',
      'web keeps its process; seen pid 1001, then 1002',
    ]);
  });

  it('does not update where a hook fails (lifecycle §17)', async () => {
    const result = await play({
      storage: 'fails: { hook system-install-update: always }',
      timeline: ['at: 10s, run: locals/next'],
      expect: ['progress: { locals/next: ERROR }', 'running: "0", kept: [web, db], boot: { trying: none }'],
    });
    assert.deepEqual(missed(result), []);
  });

  it('fails as often as it is told to, and the update can be done again', async () => {
    const result = await play({
      storage: 'commit_delay: 5s, fails: { install locals/next: once }',
      timeline: ['at: 10s, run: locals/next', 'at: 20s, run: locals/next'],
      expect: [
        'at: 19s, progress: { locals/next: { status: ERROR, message: Internal error } }, running: "0"',
        'progress: { locals/next: UPDATED }, running: locals/next, kept: [db]',
      ],
    });
    assert.deepEqual(missed(result), []);
  });

  it('makes the running revision the factory revision (control API §6.5)', async () => {
    const result = await play({
      timeline: [
        'at: 5s, make_factory: current, answer: refused',
        'at: 10s, run_commit: locals/next',
        'at: 40s, make_factory: locals/absent, answer: not-found',
        'at: 45s, make_factory: current',
      ],
      expect: [
        'at: 39s, boot: { committed: locals/next, boots: 2 }',
        'diary: [replace 0], running: "0", boot: { committed: locals/next, trying: "0", boots: 2 }',
      ],
    });
    assert.deepEqual(missed(result), []);
  });

  it('loses its power in the middle of a command, and nobody is answered', async () => {
    const result = await play({
      timeline: [
        'at: 10s, run_commit: locals/next',
        'at: 40s, cut: replace 0',
        'at: 41s, make_factory: current, answer: unheard',
        'at: 42s, supervisor: boot, answer: unheard',
        'at: 42s, run: locals/next, answer: unheard',
      ],
      expect: [
        'at: 42s, alive: [], running: nothing',
        'running: locals/next, boot: { committed: locals/next, boots: 3 }, alive: [db, web]',
      ],
    });
    assert.deepEqual(missed(result), []);
    const boots = result.trace.filter(({ text }) => text.startsWith('the boot loader boots'));
    assert.equal(boots.at(-1)?.at, 41_000 + BOOT_MS);
  });

  it('goes on with the update that the last supervisor began (R-08)', async () => {
    const result = await play({
      timeline: [
        'at: 10s, run: locals/next',
        'at: 10100ms, supervisor: kill',
        'at: 11s, supervisor: boot',
        'at: 12s, supervisor: detach',
        'at: 13s, supervisor: boot',
      ],
      expect: ['kept: [db], starts: { db: 1 }, boot: { boots: 1 }'],
    });
    assert.deepEqual(missed(result), []);
  });

  it('plays reboots as the boot loader would: a trial that fails is not tried again', async () => {
    const result = await play({
      next: ', host: { db: { crash: { after: 1s, exit: 3 } } }',
      timeline: ['at: 10s, run_commit: locals/next'],
      expect: [
        'running: "0", boot: { committed: "0", trying: none, booted: "0", boots: 3 }, progress: { locals/next: ERROR }',
      ],
    });
    assert.deepEqual(missed(result), []);
  });

  it('may lose its power before each step of an update: it runs the old or the new revision and says which', async function () {
    this.timeout(20_000);
    for (const order of ['run', 'run_commit']) {
      const { host } = await play({ timeline: [`at: 10s, ${order}: locals/next`] });
      const steps = host.diary.flatMap(({ at, kind, line }) =>
        at >= 10_000 && kind === 'call' && STEP.test(line) ? [line.replace(/^(hook \S+) .*/, '$1')] : [],
      );
      assert.ok(steps.length >= 6, steps.join('; '));
      for (const step of steps) {
        const timeline = [`at: 9s, cut: "${step}"`, `at: 10s, ${order}: locals/next`];
        const result = await play({ timeline, expect: ['boot: { trying: none }, alive: [db, web]'] });
        assert.deepEqual(missed(result), [], step);
        const where = `${order}, power cut before "${step}"`;
        const last = (beginning: string) =>
          result.host.diary.findLast(({ line }) => line.startsWith(beginning))?.line ?? '';
        assert.match(last('the power goes before'), /./, where);
        const runs = last('current ') === 'current locals/next';
        assert.match(last('progress locals/next '), runs ? / DONE / : /^$| ERROR /, where);
      }
    }
  });
});

const STEP = /^(install|try|clear try|progress|current|commit|done|hook)\b/;
