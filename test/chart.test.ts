/** The picture in the README shows the chart as it is. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { CHART_FILE, containerChart } from '../adapters/dev/chart.ts';

describe('the picture of the container chart', () => {
  it('is current; "npm run chart" draws it again', async () => {
    assert.ok(readFileSync(CHART_FILE, 'utf8') === (await containerChart()), 'run "npm run chart"');
  });

  it('shows every status once', async () => {
    const names = [...(await containerChart()).matchAll(/<text class="name"[^>]*>([A-Z]+)</g)].map(
      ([, name]) => name,
    );
    assert.deepEqual(names.sort(), [
      'BLOCKED',
      'INSTALLED',
      'MOUNTED',
      'READY',
      'RECOVERING',
      'STARTED',
      'STARTING',
      'STOPPED',
      'STOPPING',
    ]);
  });
});
