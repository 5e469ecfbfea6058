/** Processes under measurement: their output line by line with the time of each, and what the kernel says they cost. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Announcement } from '../../machines/domain/report.ts';

/** What an init passes on. Settings of a developer's shell cost Node time: extra certificates alone take 70 ms. */
const PLAIN = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' };

export interface Told {
  /** Milliseconds since the process was started. */
  readonly ms: number;
  readonly announcement: Announcement;
}

/** A supervisor under measurement. `until` resolves with the first announcement, past ones included, that fits. */
export class MeasuredSupervisor {
  readonly child: ChildProcess;
  readonly startedAt = performance.now();
  readonly told: Told[] = [];
  #waiting: { fits: (told: Told) => boolean; resolve: (told: Told) => void }[] = [];
  readonly #ended: Promise<number | null>;
  #stderr = '';

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { env: PLAIN, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.stderr?.on('data', (text: Buffer) => {
      this.#stderr += text.toString();
    });
    if (this.child.stdout === null) throw new Error('no standard output');
    createInterface(this.child.stdout).on('line', (line) => this.#hear(line));
    void this.#ended.then(() => {
      for (const { resolve } of this.#waiting) {
        resolve({
          ms: Number.NaN,
          announcement: { type: 'device', at: Number.NaN, phase: 'stopped' },
        });
      }
    });
  }

  #hear(line: string): void {
    const told = { ms: performance.now() - this.startedAt, announcement: JSON.parse(line) as Announcement };
    this.told.push(told);
    this.#waiting = this.#waiting.filter(({ fits, resolve }) => {
      if (!fits(told)) return true;
      resolve(told);
      return false;
    });
  }

  async until(fits: (announcement: Announcement) => boolean, after = 0): Promise<Told> {
    const match = (told: Told): boolean => fits(told.announcement);
    const past = this.told.slice(after).find(match);
    if (past !== undefined) return past;
    const told = await new Promise<Told>((resolve) => this.#waiting.push({ fits: match, resolve }));
    if (Number.isNaN(told.ms)) throw new Error(`the supervisor ended early:\n${this.#stderr}`);
    return told;
  }

  /** Revision READY. */
  ready(): Promise<Told> {
    return this.until((one) => one.type === 'revision' && one.goal === 'ACHIEVED');
  }

  /** SIGTERM, then its end. @throws when it fails */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const status = await this.#ended;
    if (status !== 0) throw new Error(`the supervisor ended with status ${status}:\n${this.#stderr}`);
  }
}

export function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** User and system time, in ms; the kernel counts in ticks of 10 ms. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Runs a command to its end and gives its duration in ms. @throws when it fails */
export async function timeCommand(command: string, args: readonly string[]): Promise<number> {
  const from = performance.now();
  const child = spawn(command, args, { env: PLAIN, stdio: ['ignore', 'ignore', 'inherit'] });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with status ${status}`);
  return performance.now() - from;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
