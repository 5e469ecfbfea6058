import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Control, Metadata } from '../../../../actors/control-ports.ts';
import { openMetadata, unavailableMetadata } from '../../../../actors/metadata.ts';
import type { Reply } from '../../../../adapters/control/route.ts';
import { metadataRoutes } from '../../../../adapters/control/routes/metadata.ts';
import type { MetadataEntry } from '../../../../machines/domain/metadata.ts';

const nothing = async () => undefined;

interface Asked {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly target: string;
  readonly body?: string | Buffer;
  /** As with chunks, when undefined. */
  readonly length?: number | undefined;
}

/** Both kinds on the same list; which one is meant is told from the texts. */
async function ask(metadata: Metadata, { method, target, body = '', ...asked }: Asked): Promise<Reply> {
  const bytes = Buffer.from(body);
  const length = 'length' in asked ? asked.length : bytes.length;
  const path = method === 'GET' ? target : `/${target.split('/')[1]}/{}`;
  const route = metadataRoutes.find((one) => one.method === method && one.path === path);
  assert.ok(route !== undefined, `no route for ${method} ${target}`);
  const request = Object.assign(Readable.from(bytes.length === 0 ? [] : [bytes]), {
    headers: length === undefined ? {} : { 'content-length': String(length) },
  });
  return route.handle({
    control: { userMeta: metadata, deviceMeta: metadata } as unknown as Control,
    caller: { kind: 'host' },
    target,
    params: [],
    query: new URLSearchParams(),
    request: request as unknown as IncomingMessage,
  });
}

function listOf(...stored: readonly MetadataEntry[]) {
  const files = { read: async () => stored, write: nothing, writeVolatile: nothing, remove: nothing };
  return openMetadata({ files, complain: () => undefined });
}

for (const [kind, words, subject] of [
  ['user-meta', 'user meta', 'User meta'],
  ['device-meta', 'device meta', 'Device meta'],
] as const) {
  describe(`/${kind} (control API §6.8)`, () => {
    const refused: Reply = { status: 400, error: `Cannot add or update ${words}` };
    const unknown: Reply = { status: 404, error: `${subject} does not exist` };

    it('lists all keys in one object (§11.36)', async () => {
      assert.deepEqual(await ask(await listOf(), { method: 'GET', target: `/${kind}` }), {
        status: 200,
        json: '{}',
      });
      const metadata = await listOf(['b', '{"a":1}'], ['a', '12'], ['c', '[1]']);
      const reply = await ask(metadata, { method: 'GET', target: `/${kind}` });
      assert.deepEqual(reply, { status: 200, json: '{"b":{"a":1},"a":"12","c":[1]}' });
    });

    it('lists what is looked up only then', async () => {
      const metadata = await listOf();
      const refresh = async () => metadata.note('storage', '{}');
      const reply = await ask({ ...metadata, refresh }, { method: 'GET', target: `/${kind}` });
      assert.deepEqual(reply, { status: 200, json: '{"storage":{}}' });
    });

    const taken: readonly (readonly [why: string, rest: string, key: string, body: string, value: string])[] =
      [
        ['a value', 'color', 'color', 'red', 'red'],
        ['a value with white space, as it is', 'color', 'color', ' red\n', ' red\n'],
        ['a value up to its NUL', 'color', 'color', 'red\0blue', 'red'],
        ['a value of 4096 bytes (§11.34)', 'color', 'color', 'x'.repeat(4096), 'x'.repeat(4096)],
        ['the query as part of the key', 'color?x=1', 'color?x=1', 'red', 'red'],
        ['the key undecoded', '%2e%2e%2fa', '%2e%2e%2fa', 'red', 'red'],
        ['a key of 255 bytes', 'k'.repeat(255), 'k'.repeat(255), 'red', 'red'],
        ['a key in UTF-8', 'größe', 'größe', '7 €', '7 €'],
      ];
    for (const [why, rest, key, body, value] of taken) {
      it(`takes ${why}`, async () => {
        const metadata = await listOf();
        const reply = await ask(metadata, { method: 'PUT', target: `/${kind}/${rest}`, body });
        assert.deepEqual(reply, { status: 200 });
        assert.deepEqual(metadata.entries(), [[key, value]]);
      });
    }

    const bad: readonly (readonly [why: string, asked: Partial<Asked>])[] = [
      ['no content (§11.34)', { body: '' }],
      ['content of unknown length', { body: 'red', length: undefined }],
      ['a value that is not UTF-8', { body: Buffer.from([0x66, 0xff]) }],
      ['the key "."', { target: `/${kind}/.` }],
      ['the key ".."', { target: `/${kind}/..` }],
      ['an empty key', { target: `/${kind}/color/` }],
      ['a key with NUL', { target: `/${kind}/a\0b` }],
      ['a key with a control character', { target: `/${kind}/a\u001b[2J` }],
      ['a key that is not UTF-8', { target: `/${kind}/\ufffd` }],
      ['a key of 10 kB', { target: `/${kind}/${'k'.repeat(10_240)}` }],
    ];
    for (const [why, asked] of bad) {
      it(`refuses ${why}`, async () => {
        const metadata = await listOf();
        const reply = await ask(metadata, {
          method: 'PUT',
          target: `/${kind}/color`,
          body: 'red',
          ...asked,
        });
        assert.deepEqual(reply, refused);
        assert.deepEqual(metadata.entries(), []);
      });
    }

    it('refuses a value of 4097 bytes as too large (§9, §11.34)', async () => {
      const metadata = await listOf();
      const reply = await ask(metadata, {
        method: 'PUT',
        target: `/${kind}/color`,
        body: 'x'.repeat(4097),
      });
      assert.deepEqual(reply, { status: 507, error: 'Not enough disk space available' });
      assert.deepEqual(metadata.entries(), []);
    });

    it('deletes a key, and does not know it any more (§11.38)', async () => {
      const metadata = await listOf(['color', 'red']);
      const gone: Asked = { method: 'DELETE', target: `/${kind}/color` };
      assert.deepEqual(await ask(metadata, gone), { status: 200 });
      assert.deepEqual(await ask(metadata, gone), unknown);
      assert.deepEqual(metadata.entries(), []);
    });

    for (const key of ['..', '.', 'none', '\u00ff', '']) {
      it(`has nothing to delete named ${JSON.stringify(key)}`, async () => {
        const metadata = await listOf(['color', 'red']);
        assert.deepEqual(await ask(metadata, { method: 'DELETE', target: `/${kind}/${key}` }), unknown);
      });
    }

    it('answers 500 when it cannot be read or stored', async () => {
      const metadata = unavailableMetadata({ code: 'STORE_FAILED', message: 'EIO' });
      assert.deepEqual(await ask(metadata, { method: 'GET', target: `/${kind}` }), {
        status: 500,
        error: `couldn't get ${kind}`,
      });
      const target = `/${kind}/color`;
      assert.deepEqual(await ask(metadata, { method: 'PUT', target, body: 'red' }), {
        ...refused,
        status: 500,
      });
      assert.deepEqual(await ask(metadata, { method: 'DELETE', target }), {
        status: 500,
        error: `Cannot delete ${words}`,
      });
    });
  });
}
