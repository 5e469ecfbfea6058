/** `npm run bench`: measures, prints a table, with `--json` the figures, and with `--readme` puts the table with the
 *  date into README.md. Figures that depend on the machine are ratios of two things measured in the same run. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureControl } from './control.ts';
import {
  type Bench,
  measureBoot,
  measureDelayedRestart,
  measureFootprint,
  measureGate,
  measureRestartRequest,
} from './device.ts';
import { median } from './processes.ts';
import { measureSimulator } from './simulator.ts';

interface Figure {
  readonly what: string;
  readonly measured: number;
  readonly unit: 'x' | 'ms' | 'MB' | 'kB';
  readonly atMost: number;
  readonly detail: string;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({
  options: { json: { type: 'boolean' }, readme: { type: 'boolean' }, quick: { type: 'boolean' } },
});
const rounds = values.quick === true ? 3 : 9;
const idleMs = values.quick === true ? 5_000 : 60_000;

async function simulator(): Promise<Figure[]> {
  await measureSimulator(1_000, 10);
  const small = [];
  const large = [];
  for (let round = 0; round < 3; round += 1) {
    small.push((await measureSimulator(1_000, 10)).ms);
    large.push((await measureSimulator(10_000, 100)).ms);
  }
  const thousand = median(small);
  return [
    {
      what: 'simulator: 1,000 containers in 10 groups to READY',
      measured: thousand,
      unit: 'ms',
      atMost: 500,
      detail: '',
    },
    {
      what: 'simulator: 10,000 in 100 groups against 1,000 in 10',
      measured: median(large) / thousand,
      unit: 'x',
      atMost: 15,
      detail: `${Math.round(median(large))} ms`,
    },
  ];
}

async function device(bench: Bench): Promise<Figure[]> {
  const one = await measureBoot(bench, 1, 16, rounds);
  const four = await measureBoot(bench, 4, 4, rounds);
  const gate = await measureGate(bench, 8);
  const atOnce = await measureRestartRequest(bench, rounds);
  const delayed = await measureDelayedRestart(bench, Math.ceil(rounds / 2));
  const small = await measureFootprint(bench, 16, idleMs);
  const large = await measureFootprint(bench, 48, idleMs);
  const boot = ({ supervisorMs, scriptMs }: typeof one): string =>
    `${Math.round(supervisorMs)} ms against ${Math.round(scriptMs)} ms`;
  return [
    {
      what: '16 containers, one group, process start to all STARTED, against a shell script',
      measured: one.ratio,
      unit: 'x',
      atMost: 1.5,
      detail: boot(one),
    },
    {
      what: '4 groups of 4, against the script group by group',
      measured: four.ratio,
      unit: 'x',
      atMost: 1.5,
      detail: boot(four),
    },
    {
      what: 'last goal of a group reached to the first mount of the next',
      measured: gate,
      unit: 'ms',
      atMost: 5,
      detail: 'median of 7',
    },
    {
      what: 'kernel reports the exit of init to restart requested, retry_delay 0',
      measured: atOnce,
      unit: 'ms',
      atMost: 20,
      detail: `median of ${rounds}`,
    },
    {
      what: 'retry_delay 1 to STARTED again, past the second, against a bare lxc-start',
      measured: delayed.ratio,
      unit: 'x',
      atMost: 1.3,
      detail: `${Math.round(delayed.restartMs)} ms, lxc-start ${Math.round(delayed.bareMs)} ms`,
    },
    {
      what: 'resident memory of the supervisor with 16 containers',
      measured: small.residentKb / 1024,
      unit: 'MB',
      atMost: 64,
      detail: '',
    },
    {
      what: 'resident memory per further container',
      measured: (large.residentKb - small.residentKb) / 32,
      unit: 'kB',
      atMost: 100,
      detail: `48 containers: ${(large.residentKb / 1024).toFixed(1)} MB`,
    },
    {
      what: `CPU time in ${idleMs / 1000} s idle with 16 containers`,
      measured: small.cpuMs,
      unit: 'ms',
      atMost: (60 * idleMs) / 60_000,
      detail: '',
    },
  ];
}

async function control(bench: Bench): Promise<Figure[]> {
  const { listMs, requestsPerSecond } = await measureControl(bench, 100);
  return [
    {
      what: 'GET /containers with 100 containers, connection included',
      measured: listMs,
      unit: 'ms',
      atMost: 5,
      detail: 'median of 500',
    },
    {
      what: 'one request after the other, a connection for each: time of one',
      measured: 1000 / requestsPerSecond,
      unit: 'ms',
      atMost: 1,
      detail: `${Math.round(requestsPerSecond)} requests/s`,
    },
  ];
}

function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, measured, unit, atMost, detail }) => {
    const show = (value: number): string => `${unit === 'x' ? value.toFixed(2) : value.toFixed(1)} ${unit}`;
    const verdict = measured <= atMost ? show(measured) : `**${show(measured)}**`;
    return `| ${what} | ${verdict} | ${unit === 'x' ? `${atMost} x` : `${atMost} ${unit}`} | ${detail} |`;
  });
  return ['| what | measured | at most | |', '|---|---|---|---|', ...rows].join('\n');
}

function putIntoReadme(text: string): void {
  const file = join(ROOT, 'README.md');
  const readme = readFileSync(file, 'utf8');
  const marked = /(<!-- bench:start -->\n)[\s\S]*?(<!-- bench:end -->)/;
  if (!marked.test(readme)) throw new Error('README.md has no place for the figures');
  writeFileSync(
    file,
    readme.replace(marked, (_, start: string, end: string) => `${start}${text}\n${end}`),
  );
}

if (process.getuid?.() !== 0) throw new Error('npm run bench starts real containers: run it as root');
// A tmpfs, as /run is on a device.
const directory = mkdtempSync('/dev/shm/sv-');
const bench = { launcher: join(ROOT, 'adapters/cli/statevisor'), directory };
try {
  const figures = [...(await device(bench)), ...(await simulator()), ...(await control(bench))];
  const date = new Date().toISOString().slice(0, 10);
  const [cpu] = cpus();
  const machine = `${date}, Node ${process.versions.node}, ${cpus().length} x ${cpu?.model ?? 'unknown'}`;
  if (values.json === true) {
    process.stdout.write(`${JSON.stringify({ date, machine, figures }, undefined, 2)}\n`);
  } else {
    process.stdout.write(`${table(figures)}\n\n${machine}\n`);
  }
  if (values.readme === true)
    putIntoReadme(`${table(figures)}\n\nMeasured ${machine}, by \`npm run bench\`.`);
  process.exitCode = figures.every(({ measured, atMost }) => measured <= atMost) ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true });
}
