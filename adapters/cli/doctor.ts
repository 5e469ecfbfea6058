/** `statevisor doctor`: one line for each thing that running containers needs. */

import { resolve } from 'node:path';
import { type Finding, probe, type Verdict } from '../host/probe.ts';
import { packageRoot } from '../package-root.ts';
import { type Colour, EXIT, type ExitCode, painter, type Terminal } from './output.ts';

export interface DoctorFlags {
  readonly json?: boolean;
  readonly storage: string;
  readonly runDir: string;
}

const COLOURS: Readonly<Record<Verdict, Colour>> = { OK: 'green', WARN: 'yellow', FAIL: 'red' };

/** 0 nothing failed · 1 something did. */
export async function doctor(flags: DoctorFlags, terminal: Terminal): Promise<ExitCode> {
  const findings = await probe({
    storage: resolve(flags.storage),
    runDir: resolve(flags.runDir),
    packageRoot: packageRoot(),
    searchPath: terminal.environment['PATH'] ?? '',
  });
  const failed = findings.some(({ verdict }) => verdict === 'FAIL');
  if (flags.json === true) terminal.out.write(`${JSON.stringify({ ok: !failed, findings }, undefined, 2)}\n`);
  else terminal.out.write(report(findings, terminal));
  return failed ? EXIT.failed : EXIT.ok;
}

function report(findings: readonly Finding[], terminal: Terminal): string {
  const paint = painter(terminal.out, terminal);
  const width = Math.max(...findings.map(({ what }) => what.length));
  return findings
    .map(({ what, verdict, seen, fix }) => {
      const label = paint(COLOURS[verdict], verdict.padEnd(4));
      return `${label}  ${what.padEnd(width)}  ${seen}${fix === undefined ? '' : `. ${fix}`}\n`;
    })
    .join('');
}
