/** `statevisor objects`: files by their SHA-256 (control API §6.6). */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import { isObjectId } from '../../../machines/domain/objects.ts';
import { connectionError, open, Refused } from '../../control/client.ts';
import { errnoOf } from '../../store/files.ts';
import { hashOf } from '../../store/objects.ts';
import { EXIT, type ExitCode, type Terminal } from '../output.ts';
import { gridText } from '../table.ts';
import type { ObjectEntry } from './documents.ts';
import { type ClientFlags, Stop, withSession } from './session.ts';
import { uploadObjects } from './upload.ts';

export function listObjects(flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ get, print, json, paint }) => {
    const body = await get('/objects');
    if (json) print(`${body}\n`);
    else {
      const rows = (JSON.parse(body) as readonly ObjectEntry[]).map(({ sha256, size }) => [sha256, size]);
      print(`${gridText(['OBJECT', 'BYTES'], rows, paint)}\n`);
    }
    return EXIT.ok;
  });
}

/** The content, to stdout. 1 it is not what its name says · 3 no such object · 4 stdout is a terminal. */
export function getObject(sha256: string, flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async ({ socketPath }) => {
    if (terminal.out.isTTY === true) {
      throw new Stop(EXIT.refused, 'objects are no text for a terminal: write > FILE or | PROGRAM behind it');
    }
    const hash = createHash('sha256');
    try {
      for await (const piece of await openObject(socketPath, sha256)) {
        hash.update(piece);
        await write(terminal.out, piece);
      }
    } catch (error) {
      throw connectionError(socketPath, error);
    }
    const digest = hash.digest('hex');
    if (digest === sha256) return EXIT.ok;
    throw new Stop(EXIT.failed, `what came has the SHA-256 ${digest}: the object is damaged. Send it again`);
  });
}

/** Prints the id. 3 the file cannot be read. */
export function putObject(file: string, flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return withSession(flags, terminal, async (session) => {
    const { sha256, size } = await measure(file);
    const object = { sha256, size, body: createReadStream(file) };
    await uploadObjects(session, [object], { objects: 1, bytes: size }, terminal.err);
    session.print(session.json ? `${JSON.stringify({ sha256, size })}\n` : `${sha256}\n`);
    return EXIT.ok;
  });
}

/** The supervisor says the same of a name that cannot be and of an object that is not there. */
async function openObject(socketPath: string, sha256: string): Promise<AsyncIterable<Uint8Array>> {
  const missing = new Stop(EXIT.notFound, `there is no object ${sha256}. statevisor objects lists them`);
  if (!isObjectId(sha256)) throw missing;
  try {
    return await open(socketPath, { method: 'GET', target: `/objects/${sha256}` });
  } catch (error) {
    if (error instanceof Refused && error.status === 400) throw missing;
    throw error;
  }
}

/** No faster than who reads. */
async function write(out: Terminal['out'], piece: Uint8Array): Promise<void> {
  const bytes = out as object as { write(bytes: Uint8Array): unknown };
  if (bytes.write(piece) === false && 'once' in out)
    await once(out as object as NodeJS.WritableStream, 'drain');
}

async function measure(file: string): Promise<{ readonly sha256: string; readonly size: number }> {
  try {
    const { size } = await stat(file);
    return { size, sha256: await hashOf(createReadStream(file)) };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    const fix = 'Name a file that can be read';
    throw new SupervisorError('NOT_FOUND', `cannot read ${file}: ${errno}`, { subject: file, errno, fix });
  }
}
