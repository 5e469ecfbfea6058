/** Sends objects to the store, piece by piece, and tells on a terminal how far it is (control API §6.6). */

import { SupervisorError } from '../../../machines/domain/fault.ts';
import { ask } from '../../control/client.ts';
import type { Stream } from '../output.ts';
import { bytesText } from './bytes.ts';
import type { InstallableObject } from './installable.ts';
import { openProgressLine } from './progress-line.ts';
import type { Session } from './session.ts';

/** What all of them come to. */
export interface UploadTotal {
  readonly objects: number;
  readonly bytes: number;
}

/** One after the other; each is stored when its answer is there. @throws Refused, NoConnection, NoAnswer, and what
 *  reading an object throws */
export async function uploadObjects(
  { socketPath }: Pick<Session, 'socketPath'>,
  objects: AsyncIterable<InstallableObject> | Iterable<InstallableObject>,
  total: UploadTotal,
  talk: Stream,
): Promise<void> {
  const line = openProgressLine(talk);
  const sent = { objects: 0, bytes: 0 };
  const tell = () =>
    line.show(
      `object ${Math.min(sent.objects + 1, total.objects)} of ${total.objects}, ${bytesText(sent.bytes)} of ${bytesText(total.bytes)}`,
    );
  try {
    for await (const { sha256, size, body } of objects) {
      tell();
      const pieces = counted(sha256, size, body, (count) => {
        sent.bytes += count;
        tell();
      });
      await ask(socketPath, {
        method: 'PUT',
        target: `/objects/${sha256}`,
        body: { size, pieces },
        headers: { 'Content-Type': 'application/octet-stream' },
      });
      sent.objects += 1;
    }
  } finally {
    line.clear();
  }
}

/** A supervisor would wait for bytes that never come. */
async function* counted(
  sha256: string,
  size: number,
  body: AsyncIterable<Uint8Array>,
  tell: (count: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let left = size;
  for await (const piece of body) {
    left -= piece.length;
    if (left < 0) break;
    yield piece;
    tell(piece.length);
  }
  if (left === 0) return;
  throw new SupervisorError('REFUSED', `object ${sha256} has changed while it was sent`, {
    subject: sha256,
    fix: 'Send it again',
  });
}
