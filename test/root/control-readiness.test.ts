/** The snippets of `examples/readiness`, as they stand on the page, each the init of a container of its own. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROGRAMS } from '../control/device.ts';
import { buildDeviceRevision, WAIT } from '../support/device-revision.ts';
import { ROOT } from '../support/sources.ts';
import { isChange, useScene } from './run-command.ts';

const PAGE = readFileSync(join(ROOT, 'examples/readiness/README.md'), 'utf8');
const SNIPPETS = [...PAGE.matchAll(/^```(sh|js)\n(.*?)^```$/gms)].map(([, language, text = '']) => ({
  program: /^\w+/.exec(language === 'js' ? 'node' : text)?.[0] ?? '',
  init: language === 'js' ? `/usr/bin/cat > /tmp/ready.mjs <<'END'\n${text}END\nnode /tmp/ready.mjs` : text,
}));

describe('a container says from inside that it is ready (control API §6.4)', function () {
  this.timeout(60_000);
  const makeScene = useScene('suite');

  it('with curl, Node, perl and a shell alone, by nothing but what the page shows', async () => {
    assert.deepEqual(
      SNIPPETS.map(({ program }) => program),
      ['curl', 'node', 'echo', 'perl'],
    );
    const scene = makeScene();
    const state = buildDeviceRevision(scene.storage, {
      groups: [{ name: 'app', status_goal: 'READY', restart_policy: 'container', timeout: 50 }],
      containers: SNIPPETS.map(({ program, init }) => ({
        name: program,
        group: 'app',
        // A snippet that is not heard ends its container.
        init: `set -e\n${init}\n${WAIT}`,
        mounts: PROGRAMS,
      })),
    });
    const run = scene.run(state);
    for (const { program } of SNIPPETS) {
      const end = await run.heard(
        (one) =>
          isChange(one) &&
          one.record.name === program &&
          ['READY', 'STOPPED', 'RECOVERING'].includes(one.record.status),
      );
      assert.equal(isChange(end) && end.record.status, 'READY', program);
    }
    run.signal('SIGTERM');
    const { code, err } = await run.ended;
    assert.equal(code, 0, err);
  });
});
