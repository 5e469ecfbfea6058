import assert from 'node:assert/strict';
import type { MetadataFiles } from '../../actors/control-ports.ts';
import { openMetadata, unavailableMetadata } from '../../actors/metadata.ts';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import type { MetadataEntry } from '../../machines/domain/metadata.ts';

/** Writes one at a time, as slowly as the event loop goes, and notes what came about. */
class FakeFiles implements MetadataFiles {
  readonly diary: string[] = [];
  failing = false;
  readonly #stored: readonly MetadataEntry[];
  #busy = false;

  constructor(stored: readonly MetadataEntry[]) {
    this.#stored = stored;
  }

  read = async () => this.#stored;
  write = (key: string, value: string) => this.#change(`write ${key}=${value}`);
  writeVolatile = (key: string, value: string) => this.#change(`volatile ${key}=${value}`);
  remove = (key: string) => this.#change(`remove ${key}`);

  async #change(line: string): Promise<void> {
    assert.ok(!this.#busy, `${line} while another change was under way`);
    this.#busy = true;
    await new Promise(setImmediate);
    this.#busy = false;
    if (this.failing) throw new SupervisorError('STORE_FAILED', `${line} failed`);
    this.diary.push(line);
  }
}

async function opened(...stored: readonly MetadataEntry[]) {
  const files = new FakeFiles(stored);
  const offers: string[] = [];
  const complaints: Fault[] = [];
  const metadata = await openMetadata({
    files,
    offer: (key, value) => {
      files.diary.push(`offer ${key}=${value}`);
      offers.push(`${key}=${value}`);
    },
    complain: (fault) => complaints.push(fault),
  });
  return { metadata, files, offers, complaints };
}

describe('a list of metadata (control API §6.8)', () => {
  it('begins with what is stored, and offers it once, oldest first', async () => {
    const { metadata, offers } = await opened(['new', '2'], ['old', '1']);
    assert.deepEqual(metadata.entries(), [
      ['new', '2'],
      ['old', '1'],
    ]);
    assert.deepEqual(offers, ['old=1', 'new=2']);
  });

  it('shows what was added last first, and an update in its place (§11.38)', async () => {
    const { metadata } = await opened(['a', '1']);
    await metadata.put('b', '1');
    await metadata.put('c', '1');
    await metadata.put('b', '2');
    assert.deepEqual(metadata.entries(), [
      ['c', '1'],
      ['b', '2'],
      ['a', '1'],
    ]);
    assert.equal(await metadata.delete('a'), true);
    await metadata.put('a', '3');
    assert.deepEqual(
      metadata.entries().map(([key]) => key),
      ['a', 'c', 'b'],
    );
  });

  it('shows and offers nothing that is not durable (R-09)', async () => {
    const { metadata, files } = await opened();
    const putting = metadata.put('key', 'value');
    assert.equal(metadata.get('key'), undefined);
    await putting;
    assert.equal(metadata.get('key'), 'value');
    const deleting = metadata.delete('key');
    assert.equal(metadata.get('key'), 'value');
    await deleting;
    assert.deepEqual(files.diary, [
      'write key=value',
      'offer key=value',
      'remove key',
      'offer key=undefined',
    ]);
  });

  it('writes nothing when the value is the same', async () => {
    const { metadata, files } = await opened(['key', 'value']);
    files.diary.length = 0;
    await metadata.put('key', 'value');
    await metadata.put('key', 'value\0and more');
    assert.deepEqual(files.diary, []);
  });

  it('does not know what is not there (§11.38)', async () => {
    const { metadata, files } = await opened();
    assert.equal(await metadata.delete('key'), false);
    assert.deepEqual(files.diary, []);
  });

  it('carries out changes in the order in which they were asked for', async () => {
    const { metadata, files } = await opened();
    const answers = await Promise.all([
      metadata.put('a', '1'),
      metadata.put('a', '2'),
      metadata.delete('a'),
      metadata.delete('a'),
      metadata.put('a', '3'),
    ]);
    assert.deepEqual(answers, [undefined, undefined, true, false, undefined]);
    assert.deepEqual(
      files.diary.filter((line) => !line.startsWith('offer')),
      ['write a=1', 'write a=2', 'remove a', 'write a=3'],
    );
  });

  const refused: readonly (readonly [why: string, key: string, value: string])[] = [
    ['a key that leads elsewhere', '../a', 'x'],
    ['a value of 4097 bytes', 'key', 'é'.repeat(2048).concat('x')],
  ];
  for (const [why, key, value] of refused) {
    it(`refuses ${why}`, async () => {
      const { metadata, files } = await opened();
      await assert.rejects(
        metadata.put(key, value),
        (error) => error instanceof SupervisorError && error.fault.code === 'REFUSED',
      );
      assert.deepEqual(files.diary, []);
    });
  }

  it('keeps what it had when a change fails, says so, and tries the same change again', async () => {
    const { metadata, files, complaints } = await opened(['key', 'old']);
    files.failing = true;
    await assert.rejects(metadata.put('key', 'new'), /write key=new failed/);
    await assert.rejects(metadata.put('other', 'new'));
    assert.deepEqual(metadata.entries(), [['key', 'old']]);
    assert.equal(complaints.length, 2);
    files.failing = false;
    files.diary.length = 0;
    // The file may hold the new value by now.
    await metadata.put('key', 'old');
    assert.equal(await metadata.delete('other'), false);
    assert.deepEqual(files.diary, [
      'write key=old',
      'offer key=old',
      'remove other',
      'offer other=undefined',
    ]);
  });

  describe('takes notes of the supervisor', () => {
    it('at once, and writes the last of them without making it durable', async () => {
      const { metadata, files } = await opened();
      metadata.note('status', 'STARTED');
      metadata.note('status', 'READY');
      metadata.note('mode', 'local');
      assert.deepEqual(metadata.entries(), [
        ['mode', 'local'],
        ['status', 'READY'],
      ]);
      await metadata.delete('none');
      assert.deepEqual(files.diary, ['volatile status=READY', 'volatile mode=local']);
      metadata.note('mode', 'local');
      await metadata.delete('none');
      assert.equal(files.diary.length, 2);
    });

    it('between the changes of clients, the later one winning', async () => {
      const { metadata, files } = await opened();
      const putting = metadata.put('key', 'client');
      metadata.note('key', 'own');
      await putting;
      await metadata.delete('none');
      assert.equal(metadata.get('key'), 'own');
      assert.deepEqual(files.diary, ['write key=client', 'offer key=client', 'volatile key=own']);
    });

    it('even if they cannot be written', async () => {
      const { metadata, files, complaints } = await opened();
      files.failing = true;
      metadata.note('status', 'READY');
      await metadata.delete('none');
      assert.equal(metadata.get('status'), 'READY');
      assert.deepEqual(
        complaints.map(({ message }) => message),
        ['volatile status=READY failed'],
      );
      files.failing = false;
      metadata.note('status', 'READY');
      await metadata.delete('none');
      assert.deepEqual(files.diary, ['volatile status=READY']);
    });
  });

  it('tells everyone why when it cannot be had', async () => {
    const metadata = unavailableMetadata({ code: 'STORE_FAILED', message: 'reading failed' });
    assert.throws(() => metadata.entries(), /reading failed/);
    await assert.rejects(metadata.put('key', 'value'), /reading failed/);
    await assert.rejects(metadata.delete('key'), /reading failed/);
  });
});
