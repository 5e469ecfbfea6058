/** Objects by SHA-256 (control API §6.6). Bodies go from the socket to the disk and back piece by piece. */

import { Readable } from 'node:stream';
import type { Revisions } from '../../../actors/control-ports.ts';
import { type Fault, SupervisorError } from '../../../machines/domain/fault.ts';
import { isObjectId } from '../../../machines/domain/objects.ts';
import { isNoSpace } from '../../../machines/domain/step-answer.ts';
import { objectsJson } from '../../../machines/domain/stored-json.ts';
import { type Call, OK, type Reply, type Route, TOO_LARGE, withRevisions } from '../route.ts';

export const objectRoutes: readonly Route[] = [
  { method: 'GET', path: '/objects', handle: withRevisions(list) },
  { method: 'GET', path: '/objects/{}', handle: withRevisions(get) },
  { method: 'PUT', path: '/objects/{}', handle: withRevisions(put) },
];

/** Also for an object that is not there. */
const BAD_NAME: Reply = { status: 400, error: 'Request has bad object name' };
const BAD_CHECKSUM: Reply = { status: 422, error: 'Object has bad checksum' };
const UPLOAD_ERROR: Reply = { status: 500, error: 'Upload error' };
const READ_ERROR: Reply = { status: 500, error: 'Object allocation error' };

/** 500 the store cannot be read. */
async function list({ objects }: Revisions): Promise<Reply> {
  return orElse(
    () => READ_ERROR,
    async () => ({ status: 200, json: objectsJson(await objects.list()) }),
  );
}

async function get({ objects }: Revisions, { params: [sha256 = ''] }: Call): Promise<Reply> {
  if (!isObjectId(sha256)) return BAD_NAME;
  return orElse(
    () => READ_ERROR,
    async () => {
      const object = await objects.get(sha256);
      if (object === undefined) return BAD_NAME;
      return {
        status: 200,
        type: 'application/octet-stream',
        headers: { 'Content-Length': String(object.size) },
        body: Readable.from(object.body, { objectMode: false }),
      };
    },
  );
}

/** 400 the name; 422 the content; 507 no space: nothing is kept then. A client that goes away gets no answer. */
async function put({ objects }: Revisions, { request, params: [sha256 = ''] }: Call): Promise<Reply> {
  if (!isObjectId(sha256)) return BAD_NAME;
  const told = request.headers['content-length'];
  // Leaving the body unread must not end the connection: it still has to carry the answer.
  const body = request.iterator({ destroyOnReturn: false });
  return orElse(refusal, async () => {
    try {
      await objects.put(sha256, body, told === undefined ? undefined : Number(told));
    } catch (error) {
      // It failed for want of a client.
      if (request.destroyed && !request.complete)
        throw new Error('the client has gone away', { cause: error });
      throw error;
    }
    return OK;
  });
}

function refusal(fault: Fault): Reply {
  if (fault.code === 'REFUSED') return BAD_CHECKSUM;
  return isNoSpace(fault) || fault.errno === 'EIO' ? TOO_LARGE : UPLOAD_ERROR;
}

async function orElse(refuse: (fault: Fault) => Reply, answer: () => Promise<Reply>): Promise<Reply> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof SupervisorError)) throw error;
    return refuse(error.fault);
  }
}
