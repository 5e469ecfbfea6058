import assert from 'node:assert/strict';
import { createLog } from '../../adapters/log.ts';

describe('the root logger', () => {
  it('keeps lines until it is opened, drops what is below its level, and keeps the order', async () => {
    const lines: string[] = [];
    const log = createLog('info', (line) => lines.push(line));
    log.write('info', { container: 'web' }, 'first');
    log.write('debug', {}, 'unheard');
    assert.deepEqual(lines, []);
    await log.open();
    log.write('info', {}, 'second');
    const told = lines.map((line) => JSON.parse(line) as { level: number; msg: string; container?: string });
    assert.deepEqual(
      told.map(({ level, msg, container }) => [level, msg, container]),
      [
        [30, 'first', 'web'],
        [30, 'second', undefined],
      ],
    );
  });

  it('opens by itself for a warning', async () => {
    const warned = new Promise<string>((resolve) => {
      createLog('warn', resolve).write('warn', { fault: { code: 'BUSY' } }, 'look here');
    });
    assert.match(await warned, /"code":"BUSY".*"msg":"look here"}\n$/);
  });
});
