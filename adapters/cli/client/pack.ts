/** `statevisor pack`: from a checkout, which has `state.json` or `json` and the files that the state names, an archive for
 *  `statevisor install`. The same checkout makes the same bytes: objects in the order of their names, no times, no owners. */

import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { SupervisorError } from '../../../machines/domain/fault.ts';
import type { Revision } from '../../../machines/domain/revision.ts';
import { errnoOf } from '../../store/files.ts';
import { hashOf } from '../../store/objects.ts';
import { EXIT, type ExitCode, painter, type Terminal } from '../output.ts';
import { problemLines, readStateFile } from '../state-file.ts';
import { bytesText } from './bytes.ts';
import { tarEnd, tarHeader, tarPadding } from './tar.ts';

export interface PackFlags {
  readonly json?: boolean;
}

interface Source {
  readonly path: string;
  readonly size: number;
}

/** 1 the archive cannot be written · 3 a file is missing · 4 one is not what the state says · 8 the state is not valid.
 *  Whatever is not 0 leaves no archive, and an older one as it is. */
export async function pack(
  directory: string,
  archive: string,
  flags: PackFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const stateFile = await findState(directory);
  const state = readStateFile(stateFile);
  if (!state.ok) {
    terminal.err.write(problemLines(stateFile, state, painter(terminal.err, terminal)));
    return EXIT.invalidState;
  }
  const sources = await findObjects(directory, state.revision);
  await writeArchive(archive, piecesOf(state.text, sources));
  const { size } = await stat(archive);
  if (flags.json === true) {
    terminal.out.write(`${JSON.stringify({ archive, objects: sources.size, bytes: size })}\n`);
  } else {
    terminal.err.write(`statevisor: ${archive}: ${sources.size} objects, ${bytesText(size)}\n`);
  }
  return EXIT.ok;
}

async function findState(directory: string): Promise<string> {
  const names = [join(directory, 'state.json'), join(directory, 'json')];
  for (const name of names) if ((await sizeOf(name)) !== undefined) return name;
  throw new SupervisorError(
    'NOT_FOUND',
    `there is no state JSON in ${directory}: neither state.json nor json`,
    {
      subject: directory,
      fix: 'Name a directory that has one',
    },
  );
}

/** By object id: the file of that path, or the one in `objects/`. @throws NOT_FOUND, REFUSED naming the first that is not
 *  right */
async function findObjects(directory: string, { files }: Revision): Promise<ReadonlyMap<string, Source>> {
  const found = new Map<string, Source>();
  for (const [key, file] of files) {
    if (file.kind !== 'object' || found.has(file.id)) continue;
    found.set(file.id, await findObject(directory, key, file.id));
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function findObject(directory: string, key: string, id: string): Promise<Source> {
  for (const path of [join(directory, key), join(directory, 'objects', id)]) {
    const size = await sizeOf(path);
    if (size === undefined) continue;
    const hash = await hashOf(createReadStream(path));
    if (hash === id) return { path, size };
    throw new SupervisorError('REFUSED', `${path} has the SHA-256 ${hash}, the state says ${id}`, {
      subject: path,
      fix: 'Put the right file there, or its hash into the state',
    });
  }
  throw new SupervisorError('NOT_FOUND', `there is no file ${key} in ${directory}, and no objects/${id}`, {
    subject: key,
    fix: 'Put the file there',
  });
}

/** Undefined for what is no file. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const entry = await stat(path);
    return entry.isFile() ? entry.size : undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function* piecesOf(
  state: string,
  sources: ReadonlyMap<string, Source>,
): AsyncGenerator<Uint8Array, void> {
  const text = Buffer.from(state);
  yield Buffer.concat([tarHeader('json', text.length), text, tarPadding(text.length)]);
  for (const [id, { path, size }] of sources) {
    yield tarHeader(`objects/${id}`, size);
    let left = size;
    for await (const piece of createReadStream(path)) {
      left -= (piece as Buffer).length;
      yield piece as Buffer;
    }
    if (left !== 0)
      throw new SupervisorError('REFUSED', `${path} has changed while it was packed`, { subject: path });
    yield tarPadding(size);
  }
  yield tarEnd();
}

/** Under its name when it is whole. */
async function writeArchive(archive: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = join(dirname(resolve(archive)), `.${process.pid}.tgz`);
  try {
    await pipeline(
      Readable.from(pieces, { objectMode: false }),
      createGzip({ level: 6 }),
      createWriteStream(temporary, { flush: true }),
    );
    await rename(temporary, archive);
  } catch (error) {
    await rm(temporary, { force: true });
    const errno = errnoOf(error);
    if (error instanceof SupervisorError || errno === undefined) throw error;
    throw new SupervisorError('STORE_FAILED', `cannot write ${archive}: ${errno}`, {
      subject: archive,
      errno,
      fix: 'Name a file in a directory that can be written to and has space',
    });
  }
}
