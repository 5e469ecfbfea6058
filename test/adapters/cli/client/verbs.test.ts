import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { textOf } from '../../../support/sources.ts';
import { statevisor } from '../command.ts';

const VERBS = [
  ...['ps', 'groups', 'status', 'explain', 'events', 'start', 'stop', 'restart', 'signal'],
  ...['drivers', 'drivers list', 'drivers load', 'drivers unload'],
  ...['meta', 'meta list', 'meta get', 'meta set', 'meta delete', 'meta user', 'meta device set'],
  ...['reboot', 'poweroff'],
];

const OF_REVISIONS = [
  ...['install', 'steps', 'steps list', 'steps get', 'steps progress', 'steps comment'],
  ...['objects', 'objects list', 'objects get', 'objects put', 'apply', 'rollback', 'make-factory', 'gc'],
];

describe('the verbs of a running supervisor (design §8)', () => {
  for (const verb of [...VERBS, ...OF_REVISIONS]) {
    it(`explain themselves with examples: statevisor ${verb} --help`, async () => {
      const { code, out, err } = await statevisor(...verb.split(' '), '--help');
      assert.deepEqual([code, err], [0, '']);
      assert.match(out, new RegExp(`Usage: statevisor ${verb} `));
      assert.match(out, /--socket <path>[\s\S]*--run-dir <dir>[\s\S]*--json/);
      assert.match(out, /The socket: --socket, --run-dir, SOCKET or PV_SYSTEM_RUNDIR/);
      assert.match(out, new RegExp(`Examples:\\n {2}\\$ statevisor ${verb.split(' ')[0]}`));
    });
  }

  it('stand together in the help', async () => {
    const { out } = await statevisor('--help');
    const group = /Of a running supervisor:\n((?: {2}.*\n)+)/.exec(out)?.[1] ?? '';
    for (const verb of VERBS.filter((one) => !one.includes(' '))) {
      assert.match(group, new RegExp(`^ {2}${verb}\\b`, 'm'));
    }
  });

  it('stand together with what makes an archive, those of revisions', async () => {
    const { out } = await statevisor('--help');
    const group = /Of the revisions of a running supervisor:\n((?: {2}.*\n)+)/.exec(out)?.[1] ?? '';
    for (const verb of ['pack', ...OF_REVISIONS.filter((one) => !one.includes(' '))]) {
      assert.match(group, new RegExp(`^ {2}${verb}\\b`, 'm'));
    }
  });

  it('load what they do when they are called, and not before', () => {
    const eager = [...textOf('adapters/cli/client/verbs.ts').matchAll(/^import (?!type).* from '(.*)';$/gm)];
    assert.deepEqual(
      eager.map(([, target]) => target),
      ['commander'],
    );
  });

  describe('in the shell', () => {
    it('are completed by bash, their own verbs and containers too', async () => {
      const { out } = await statevisor('completion', 'bash');
      const complete = (line: string) => {
        const words = line.split(' ');
        const script = `${out}
          statevisor() { [ "$*" = 'ps --quiet' ] && printf 'web\\ndb\\n'; }
          COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
          _statevisor; echo "\${COMPREPLY[*]}"`;
        const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
        assert.equal(stderr, '');
        return stdout.trim();
      };
      const cases = [
        ['statevisor rest', 'restart'],
        ['statevisor stop w', 'web'],
        ['statevisor explain d', 'db'],
        ['statevisor restart --w', '--wait'],
        ['statevisor meta de', 'delete device'],
        ['statevisor meta device s', 'set'],
        ['statevisor drivers u', 'unload'],
        ['statevisor config e', 'explain'],
        ['statevisor config explain --l', '--live'],
        ['statevisor signal r', 'ready'],
        ['statevisor ps /et', ''],
      ] as const;
      for (const [line, completed] of cases) assert.equal(complete(line), completed, line);
    });

    for (const shell of ['zsh', 'fish']) {
      it(`are named for ${shell}, and containers looked up`, async () => {
        const { code, out } = await statevisor('completion', shell);
        assert.equal(code, 0);
        for (const verb of VERBS.filter((one) => !one.includes(' ')))
          assert.match(out, new RegExp(`\\b${verb}\\b`));
        assert.ok(out.includes('statevisor ps --quiet 2>/dev/null'));
      });
    }
  });
});
