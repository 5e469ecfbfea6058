import assert from 'node:assert/strict';
import { isLocalName, isRevisionName } from '../../../machines/domain/step-name.ts';

describe('names of revisions (control API §6.7)', () => {
  const rows: readonly (readonly [name: string, local: boolean, revision: boolean])[] = [
    ['locals/blue', true, true],
    [`locals/${'x'.repeat(64)}`, true, true],
    [`locals/${'x'.repeat(65)}`, false, false],
    [`locals/${'ü'.repeat(33)}`, false, false],
    ['0', false, true],
    ['7', false, true],
    ['locals/', false, false],
    ['locals', false, false],
    ['locals/a/b', false, false],
    ['locals/.', false, false],
    ['locals/..', false, false],
    ['locals/.hidden', false, false],
    ['locals/a b', false, false],
    ['locals/a\nb', false, false],
    ['locals/a\\b', false, false],
    ['locals/a%00b', false, false],
    ['locals/a\0', false, false],
    ['current', false, false],
    ['', false, false],
    ['..', false, false],
    ['a/b', false, false],
    ['x'.repeat(256), false, false],
  ];
  for (const [name, local, revision] of rows) {
    const what = local ? 'local' : revision ? 'of a revision' : 'refused';
    it(`${JSON.stringify(name.slice(0, 24))} is ${what}`, () => {
      assert.deepEqual([isLocalName(name), isRevisionName(name)], [local, revision]);
    });
  }
});
