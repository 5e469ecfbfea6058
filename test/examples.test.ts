/** The examples without their images: what the simulator and `check` work on. Images: `test/root/examples.test.ts`. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildExample, EXAMPLE_NAMES } from '../examples/build.ts';
import { simulate } from '../sim/main.ts';

const EXAMPLES = new URL('../examples/', import.meta.url);
interface Run {
  readonly name: string;
  readonly config: string;
  readonly group: string;
  readonly storage?: Readonly<Record<string, { readonly persistence: string }>>;
}
type State = Readonly<Record<string, string | Run>>;

describe('examples', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'statevisor-examples-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  function stateOf(name: (typeof EXAMPLE_NAMES)[number]): { text: string; state: State } {
    const text = readFileSync(buildExample(name, directory, { images: 'none' }), 'utf8');
    return { text, state: JSON.parse(text) as State };
  }

  for (const name of EXAMPLE_NAMES) {
    describe(name, () => {
      it('is canonical: sorted keys, no white space (state format §1.2)', () => {
        const { text, state } = stateOf(name);
        assert.deepEqual(Object.keys(state), Object.keys(state).sort());
        assert.equal(text, JSON.stringify(state));
      });

      it('is the same revision each time it is built', () => {
        assert.equal(stateOf(name).text, stateOf(name).text);
      });

      it('stores every object but the images under its digest', () => {
        const { state } = stateOf(name);
        for (const [path, id] of Object.entries(state)) {
          if (typeof id !== 'string' || path === '#spec' || path.endsWith('.squashfs')) continue;
          const bytes = readFileSync(join(directory, 'objects', id));
          assert.equal(createHash('sha256').update(bytes).digest('hex'), id, path);
        }
      });

      it('leaves no half-written file behind', () => {
        stateOf(name);
        assert.deepEqual(
          readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
            file.endsWith('.new'),
          ),
          [],
        );
      });

      it('has an image, a configuration and a name for every container (state format §8)', () => {
        const { state } = stateOf(name);
        for (const [path, run] of Object.entries(state)) {
          if (!path.endsWith('/run.json') || typeof run === 'string') continue;
          const container = path.slice(0, -'/run.json'.length);
          assert.equal(run.name, container);
          assert.match(String(state[`${container}/root.squashfs`]), /^[0-9a-f]{64}$/);
          assert.match(String(state[`${container}/${run.config}`]), /^[0-9a-f]{64}$/);
        }
      });

      it('does in the simulator what its scenario expects', async () => {
        const scenario = join(directory, 'scenario.yaml');
        stateOf(name);
        const heard: string[] = [];
        const sink = { write: (text: string) => heard.push(text) };
        const code = await simulate({ file: scenario, speed: 'max', json: false, out: sink, err: sink });
        assert.equal(code, 0, heard.join(''));
      });

      it('has a page that says what to watch', () => {
        assert.ok(existsSync(new URL(`${name}/README.md`, EXAMPLES)));
      });
    });
  }

  it('quickstart uses the four default groups and all three persistences (state format §5.1, §9.5)', () => {
    const { state } = stateOf('quickstart');
    const runs = Object.values(state).filter((run): run is Run => typeof run === 'object');
    assert.deepEqual([...new Set(runs.map((run) => run.group))].sort(), ['app', 'data', 'platform', 'root']);
    const storages = runs.flatMap((run) => Object.values(run.storage ?? {}));
    const persistences = storages.map((storage) => storage.persistence);
    assert.deepEqual([...new Set(persistences)].sort(), ['boot', 'permanent', 'revision']);
    assert.equal('device.json' in state, false);
  });
});
