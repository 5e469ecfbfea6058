import assert from 'node:assert/strict';
import { OPERATIONS } from '../../adapters/control/openapi.ts';
import { allRoutes } from '../../adapters/control/routes.ts';

describe('the description of the control API (R-12)', () => {
  const routes = allRoutes();
  /** Parameters have names in one and none in the other. */
  const unnamed = (operation: string) => operation.replaceAll(/\{\w+\}/g, '{}');

  it('has every route, and nothing else', () => {
    assert.deepEqual(
      Object.keys(OPERATIONS).map(unnamed).sort(),
      routes.map(({ method, path }) => `${method} ${path}`).sort(),
    );
  });

  it('says who may call', () => {
    const open = Object.entries(OPERATIONS).filter(([, { forAll }]) => forAll === true);
    assert.deepEqual(
      open.map(([operation]) => unnamed(operation)),
      routes.filter(({ forAll }) => forAll === true).map(({ method, path }) => `${method} ${path}`),
    );
  });
});
