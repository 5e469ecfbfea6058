import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeControlScenario } from './device.ts';
import { type SimulatedDevice, serveScenario } from './simulated.ts';
import { testConformance } from './suite.ts';

describe('the control API on the simulator', function () {
  this.timeout(20_000);
  let directory: string;
  let device: SimulatedDevice;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sv-'));
    device = await serveScenario(writeControlScenario(directory), join(directory, 'run'));
  });
  after(async () => {
    await device.stop();
    rmSync(directory, { recursive: true });
  });

  testConformance(() => device.reach);
});
