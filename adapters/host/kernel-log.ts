/** The last words of the kernel on a subject: the reason behind a bare EINVAL often stands in its log only. */

import { closeSync, constants, openSync, readSync } from 'node:fs';

const RECORD_BYTES = 8192;

/** The newest line of the kernel's log that `wanted` matches and that is at most `maxAgeMs` old; undefined when there
 *  is none or the log may not be read. */
export function lastKernelLine(wanted: RegExp, maxAgeMs: number): string | undefined {
  const oldestUs = Number(process.hrtime.bigint() / 1000n) - maxAgeMs * 1000;
  let found: string | undefined;
  for (const record of records()) {
    // priority,sequence,microseconds since boot,flags;text
    const [head = '', text = ''] = (record.split('\n')[0] ?? '').split(/;(.*)/s);
    if (Number(head.split(',')[2]) >= oldestUs && wanted.test(text)) found = text;
  }
  return found;
}

function* records(): Generator<string> {
  let log: number;
  try {
    log = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return; // Containers and restricted hosts keep it from us; the errno must do.
  }
  try {
    const buffer = Buffer.alloc(RECORD_BYTES);
    for (;;) yield buffer.toString('utf8', 0, readSync(log, buffer));
  } catch {
    // EAGAIN: that was the newest. EPIPE: overwritten while reading, and no reason to fail a message over.
  } finally {
    closeSync(log);
  }
}
