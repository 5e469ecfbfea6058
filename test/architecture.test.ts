/** The house plan, enforced on the import lines of every file.
 *
 *  | directory         | may import                                                                              |
 *  |-------------------|-----------------------------------------------------------------------------------------|
 *  | `machines/domain` | itself                                                                                  |
 *  | `machines`        | xstate, `machines`                                                                      |
 *  | `actors`          | xstate, `machines`, `actors`                                                            |
 *  | `sim`             | xstate, `machines`, `actors`, `sim`; yaml and zod to read scenarios                     |
 *  | `sim/main.ts`     | what `sim` may, and node: it alone reads files and waits for real                       |
 *  | `adapters`        | node, packages, `adapters`, `machines/domain`, types from `actors/*ports.ts`            |
 *  | `adapters/cli`    | what `adapters` may, and `sim`, which it shows                                          |
 *  | `adapters/main*.ts`| what `adapters` may, and `actors`: they alone put the two together                     |
 *  | `adapters/dev`    | anything: it runs in a checkout, never on a device                                      |
 *  | `test`, `examples`| anything                                                                                |
 *
 *  Only imports that remain when types are stripped can form a cycle. */

import assert from 'node:assert/strict';
import {
  codeOf,
  filesBelow,
  type Import,
  importsOf,
  ROOT,
  textOf,
  topLevelEntries,
} from './support/sources.ts';

interface Rule {
  readonly directory: string;
  readonly allows: (found: Import) => boolean;
}

const within =
  (...places: readonly string[]) =>
  ({ own, target }: Import): boolean =>
    own && places.some((place) => target === place || target.startsWith(`${place}/`));

const packages =
  (...names: readonly string[]) =>
  ({ own, target }: Import): boolean =>
    !own && names.includes(target);

const either =
  (...rules: readonly ((found: Import) => boolean)[]) =>
  (found: Import): boolean =>
    rules.some((rule) => rule(found));

const node = ({ own, target }: Import): boolean => !own && target.startsWith('node:');

const adapter = either(
  ({ own, target }) => !own && target !== 'xstate',
  within('adapters', 'machines/domain', 'package.json'),
  (found) =>
    found.typeOnly && within('actors/ports.ts', 'actors/control-ports.ts', 'actors/update-ports.ts')(found),
);

/** The longest matching directory decides. */
const RULES: readonly Rule[] = [
  { directory: 'machines/domain', allows: within('machines/domain') },
  { directory: 'machines', allows: either(packages('xstate'), within('machines')) },
  { directory: 'actors', allows: either(packages('xstate'), within('machines', 'actors')) },
  {
    directory: 'sim',
    allows: either(packages('xstate', 'yaml', 'zod'), within('machines', 'actors', 'sim')),
  },
  { directory: 'sim/main.ts', allows: either(node, within('machines', 'actors', 'sim')) },
  { directory: 'adapters', allows: adapter },
  { directory: 'adapters/cli', allows: either(adapter, within('sim')) },
  { directory: 'adapters/main.ts', allows: either(adapter, within('actors')) },
  { directory: 'adapters/main-control.ts', allows: either(adapter, within('actors')) },
  { directory: 'adapters/main-host.ts', allows: either(adapter, within('actors')) },
  { directory: 'adapters/main-updates.ts', allows: either(adapter, within('actors')) },
  { directory: 'adapters/dev', allows: () => true },
  { directory: 'examples', allows: () => true },
  { directory: 'test', allows: () => true },
];

/** One chart, and in it one table: cut in two, neither part could be read against lifecycle §2.2. */
const WHOLE = new Set(['machines/container.ts']);

const TOP_LEVEL = new Set([
  ...['machines', 'actors', 'adapters', 'sim', 'test', 'examples'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'README.md', 'LICENSE'],
]);

const SOURCES = ['machines', 'actors', 'adapters', 'sim'];
const ALL = [...SOURCES, 'examples', 'test'];

function modulesIn(directories: readonly string[]): string[] {
  return directories.flatMap(filesBelow).filter((path) => path.endsWith('.ts'));
}

function ruleFor(path: string): Rule {
  const matching = RULES.filter(({ directory }) => path === directory || path.startsWith(`${directory}/`));
  const [rule] = matching.sort((a, b) => b.directory.length - a.directory.length);
  assert.ok(rule !== undefined, `no rule for ${path}`);
  return rule;
}

/** Paths of all modules whose code matches, with the first match. */
function offenders(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) => {
    const found = pattern.exec(codeOf(path));
    return found === null ? [] : [`${path}: ${found[0].trim()}`];
  });
}

describe('the house plan', () => {
  it('lets each directory import what its row allows', () => {
    const broken = modulesIn(ALL).flatMap((path) =>
      importsOf(path)
        .filter((found) => !ruleFor(path).allows(found))
        .map((found) => `${path} imports ${found.typeOnly ? 'type ' : ''}${found.target}`),
    );
    assert.deepEqual(broken, []);
  });

  it('has no cycle of imports', () => {
    assert.deepEqual(cycleAmong(modulesIn(ALL)), undefined);
  });

  it('imports packages that package.json lists, and on a device only its dependencies', () => {
    const { dependencies, devDependencies } = JSON.parse(textOf('package.json')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const unlisted = modulesIn(ALL).flatMap((path) => {
      const development = /^(adapters\/dev|test|examples)\//.test(path);
      const listed = { ...dependencies, ...(development ? devDependencies : {}) };
      return importsOf(path)
        .filter(({ own, typeOnly, target }) => !own && !typeOnly && !target.startsWith('node:'))
        .filter(({ target }) => !(packageOf(target) in listed))
        .map(({ target }) => `${path} imports ${target}`);
    });
    assert.deepEqual(unlisted, []);
  });

  it('pins every package exactly', () => {
    const { dependencies, devDependencies } = JSON.parse(textOf('package.json')) as Record<string, object>;
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)),
    );
    assert.deepEqual(loose, []);
  });

  it('names files after what they export: no barrels, no bags', () => {
    const bags = modulesIn(ALL).filter((path) => /\/(index|utils|helpers|types|\w*manager)\.ts$/i.test(path));
    assert.deepEqual(bags, []);
  });

  it('exports by name', () => {
    assert.deepEqual(offenders(modulesIn(ALL), /^export default\b.*$/m), []);
  });

  it('keeps no state in modules', () => {
    assert.deepEqual(offenders(modulesIn(SOURCES), /^(export )?(let|var) .*$/m), []);
  });

  it('takes time, chance and the environment from ports outside of adapters', () => {
    const inside = modulesIn(['machines', 'actors', 'sim']).filter((path) => path !== 'sim/main.ts');
    assert.deepEqual(
      offenders(inside, /\b(Date\.now|new Date|Math\.random|performance\.now|process\.(env|hrtime|argv))\b/),
      [],
    );
    const clocks = new Set(['actors/ports.ts', 'sim/clock.ts']);
    const others = inside.filter((path) => !clocks.has(path));
    assert.deepEqual(offenders(others, /(?<![.\w])(setTimeout|setInterval|setImmediate)\(/), []);
  });

  it('says in a header what lives in a file', () => {
    const silent = modulesIn(SOURCES).filter((path) => !/^(#!.*\n)?\/\*\*/.test(textOf(path)));
    assert.deepEqual(silent, []);
  });

  it('splits files over 400 lines', () => {
    const long = modulesIn(ALL).filter((path) => !WHOLE.has(path) && textOf(path).split('\n').length > 401);
    assert.deepEqual(long, []);
  });

  it('has a fixed top level', () => {
    const strange = topLevelEntries().filter((name) => !name.startsWith('.') && !TOP_LEVEL.has(name));
    assert.deepEqual(strange, []);
  });

  it('names no registry host and no path of the machine it was written on', () => {
    const host = new RegExp(`\\b${'npm'}js\\.|\\bregistry\\.[a-z]`);
    const bad = filesBelow('.').filter((path) => {
      const text = textOf(path);
      return host.test(text) || text.includes(`${ROOT}/`);
    });
    assert.deepEqual(bad, []);
  });
});

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

/** The first cycle found, as the modules on the way round. */
function cycleAmong(paths: readonly string[]): string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  function visit(path: string): string[] | undefined {
    const at = way.indexOf(path);
    if (at >= 0) return [...way.slice(at), path];
    if (done.has(path) || !path.endsWith('.ts')) return undefined;
    way.push(path);
    for (const { own, typeOnly, target } of importsOf(path)) {
      const cycle = own && !typeOnly ? visit(target) : undefined;
      if (cycle !== undefined) return cycle;
    }
    way.pop();
    done.add(path);
    return undefined;
  }
  for (const path of paths) {
    const cycle = visit(path);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
