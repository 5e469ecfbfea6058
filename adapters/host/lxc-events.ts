/** LXC's own account of its containers: every monitor writes state changes and its init's wait status to one FIFO
 *  per lxcpath, `/run/lxc/<lxcpath>/monitor-fifo`, for containers of an earlier supervisor too. Nobody else may read
 *  it: lxc-monitor on the same lxcpath would take events away.
 *
 *  Monitors open the FIFO for each event and pass over it when nobody reads, so a supervisor that is gone blocks none. */

import { mkdirSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { endianness } from 'node:os';
import { dirname } from 'node:path';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { makeFifo, openFifo } from './fifo.ts';
import { errnoOf } from './kernel-error.ts';

const LXC_STATES = [
  'STOPPED',
  'STARTING',
  'RUNNING',
  'STOPPING',
  'ABORTING',
  'FREEZING',
  'FROZEN',
  'THAWED',
] as const;
export type LxcState = (typeof LXC_STATES)[number];

export type LxcEvent =
  | { readonly type: 'state'; readonly name: string; readonly state: LxcState }
  /** Of init, as wait(2) gives it. */
  | { readonly type: 'exit'; readonly name: string; readonly waitStatus: number };

export interface LxcEvents {
  /** Tells at once whatever lies in the FIFO. */
  drain(): void;
  close(): void;
}

/** C structure: int type, char name[256], int value. Shorter than PIPE_BUF: records are never mixed. */
const RECORD_BYTES = 264;
const NAME_AT = 4;
const VALUE_AT = 260;
const TYPE_STATE = 0;
const TYPE_EXIT = 2;

function monitorFifo(lxcPath: string): string {
  return `/run/lxc/${lxcPath}/monitor-fifo`;
}

/** Cuts bytes into events; `rest` is an incomplete record to be put in front of the next bytes. */
export function parseEvents(bytes: Buffer): { readonly events: readonly LxcEvent[]; readonly rest: Buffer } {
  const events: LxcEvent[] = [];
  let at = 0;
  for (; bytes.length - at >= RECORD_BYTES; at += RECORD_BYTES) {
    const event = parseRecord(bytes.subarray(at, at + RECORD_BYTES));
    if (event !== undefined) events.push(event);
  }
  return { events, rest: bytes.subarray(at) };
}

/** Undefined for records that do not concern us, such as those that lxc-monitor uses to talk to itself. */
function parseRecord(record: Buffer): LxcEvent | undefined {
  const type = readInt(record, 0);
  const value = readInt(record, VALUE_AT);
  const field = record.subarray(NAME_AT, VALUE_AT);
  const end = field.indexOf(0);
  const name = field.subarray(0, end < 0 ? field.length : end).toString('utf8');
  if (type === TYPE_EXIT) return { type: 'exit', name, waitStatus: value };
  const state = LXC_STATES[value];
  return type === TYPE_STATE && state !== undefined ? { type: 'state', name, state } : undefined;
}

function readInt(record: Buffer, at: number): number {
  return endianness() === 'LE' ? record.readInt32LE(at) : record.readInt32BE(at);
}

/** @throws UNSUPPORTED when the FIFO cannot be had */
export function openLxcEvents(lxcPath: string, listen: (event: LxcEvent) => void): LxcEvents {
  const fifo = monitorFifo(lxcPath);
  const fd = openEvents(fifo);
  let rest: Buffer = Buffer.alloc(0);
  const take = (chunk: Buffer) => {
    const parsed = parseEvents(Buffer.concat([rest, chunk]));
    rest = parsed.rest;
    for (const event of parsed.events) listen(event);
  };
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.on('data', take);
  let open = true;
  return {
    drain() {
      const buffer = Buffer.alloc(RECORD_BYTES * 32);
      for (let read = open ? readAvailable(fd, buffer) : 0; read > 0; read = readAvailable(fd, buffer)) {
        take(Buffer.from(buffer.subarray(0, read)));
      }
    },
    close() {
      open = false;
      socket.destroy();
    },
  };
}

function readAvailable(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    if (errnoOf(error) === 'EAGAIN') return 0;
    throw error;
  }
}

function openEvents(fifo: string): number {
  try {
    mkdirSync(dirname(fifo), { recursive: true });
    makeFifo(fifo, '0600', 'UNSUPPORTED');
    return openFifo(fifo);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw new SupervisorError('UNSUPPORTED', `opening the FIFO ${fifo} for LXC's events failed: ${errno}`, {
      subject: fifo,
      errno,
      fix: 'Run the supervisor as root, with a /run that can be written to.',
      cause,
    });
  }
}
