/** `npm run chart`: writes the picture of the container chart that the README shows. A test keeps it current. */

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { containerMachine } from '../../machines/container.ts';
import { drawingOf } from './chart-model.ts';
import { toSvg } from './chart-svg.ts';

export const CHART_FILE = fileURLToPath(new URL('../../examples/container-chart.svg', import.meta.url));

export function containerChart(): Promise<string> {
  return toSvg(drawingOf(containerMachine, 'life'), 'The life of a container');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(CHART_FILE, await containerChart());
