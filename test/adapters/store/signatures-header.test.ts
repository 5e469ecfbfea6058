import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import { canonical, PARTS, type Signing, useSignedDevice } from './signed-device.ts';
import { pem, x5c } from './signing.ts';

describe('headers of signatures (storage §13.2)', function () {
  this.timeout(20_000);
  const { signers, keyOf, signed, device, check, accepted, refused } = useSignedDevice();

  const cases: readonly {
    readonly why: string;
    readonly signing: Partial<Signing>;
    readonly fault: RegExp;
  }[] = [
    { why: 'alg none (idea 41)', signing: { alg: 'none' }, fault: /\$\.alg.*found "none".*"ES512"/ },
    { why: 'alg HS256 (idea 41)', signing: { alg: 'HS256' }, fault: /\$\.alg/ },
    { why: 'alg PS256', signing: { alg: 'PS256' }, fault: /\$\.alg/ },
    { why: 'alg RS384', signing: { alg: 'RS384' }, fault: /\$\.alg/ },
    {
      why: 'another typ',
      signing: { header: { typ: 'JWT' } },
      fault: /\$\.typ: expected one of "PVS", found "JWT"/,
    },
    {
      why: 'no exclude (idea 44)',
      signing: { pvs: { include: ['web/**'] } },
      fault: /\$\.pvs\.exclude: "exclude" is missing/,
    },
    { why: 'no include', signing: { pvs: { exclude: [] } }, fault: /\$\.pvs\.include/ },
    { why: 'no pvs', signing: { header: { pvs: undefined } }, fault: /\$\.pvs: "pvs" is missing/ },
    { why: 'an empty chain', signing: { chain: [] }, fault: /\$\.x5c: expected a non-empty array/ },
    {
      why: 'base64url in the chain',
      signing: { chain: ['A-_='] },
      fault: /\$\.x5c\[0\]: .*standard base64/,
    },
    { why: 'garbage in the chain', signing: { chain: ['AAAA'] }, fault: /x5c\[0\] is no certificate/ },
    { why: 'a chain without end', signing: { chain: Array(11).fill('AAAA') }, fault: /more than 10/ },
  ];
  for (const { why, signing, fault } of cases) {
    it(`is refused: ${why}`, async () => refused(canonical(signed(signing)), fault));
  }

  it('jwk and other members are ignored', async () => {
    const header = { jwk: { kty: 'oct', k: 'AAAA' }, kid: 'x', unknown: [1] };
    await accepted(canonical(signed({ header })));
  });

  it('a certificate in text form is refused', async () => {
    const chain = [Buffer.from(pem(signers().leaf)).toString('base64')];
    await refused(canonical(signed({ chain })), /x5c\[0\] is no certificate in DER form/);
  });

  it('a document without protected or signature is ignored, told, and covers nothing (§13.2)', async () => {
    for (const name of ['protected', 'signature']) {
      const found = { ...(signed()['_sigs/web.json'] as object), [name]: undefined };
      const text = canonical({ ...PARTS, '_sigs/web.json': found });
      const { refused: fault, told } = await check(text);
      assert.equal(fault, undefined);
      assert.deepEqual(
        told.map(({ message }) => message),
        [`signature _sigs/web.json is ignored: "${name}" is missing`],
      );
      assert.equal((await check(text, 'strict')).refused?.message, MESSAGES.notCovered);
    }
  });

  it('no header whatsoever is accepted or ends otherwise than refused (fuzz)', async () => {
    const good = signed();
    const etcDirectory = device();
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc
        .record(
          {
            alg: fc.oneof(fc.constantFrom('RS256', 'ES256', 'ES384', 'ES512'), fc.jsonValue()),
            typ: fc.oneof({ weight: 5, arbitrary: fc.constant('PVS') }, fc.jsonValue()),
            pvs: fc.record(
              { include: fc.array(fc.oneof(fc.string(), fc.jsonValue())), exclude: fc.array(fc.string()) },
              { requiredKeys: ['exclude'] },
            ),
            x5c: fc.oneof(
              fc.array(fc.base64String()),
              fc.constant(x5c(signers().leaf, signers().middle)),
              fc.jsonValue(),
            ),
          },
          { requiredKeys: [] },
        )
        .map((header) => Buffer.from(JSON.stringify(header)).toString('base64url')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (encoded) => {
        const found = { ...(good['_sigs/web.json'] as object), protected: encoded };
        const { refused: fault } = await check(canonical({ ...good, '_sigs/web.json': found }), 'lenient', {
          etcDirectory,
        });
        assert.equal(fault?.message, MESSAGES.signatureFailed);
        assert.notEqual(fault.fix, undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('no signature whatsoever but the right one is accepted (fuzz)', async () => {
    const etcDirectory = device({ 'pub.pem': signers().works.publicKey(keyOf('P-256')) });
    const good = signed({ key: keyOf('P-256'), chain: undefined, alg: 'ES256' });
    await accepted(canonical(good), 'lenient', { etcDirectory });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array({ maxLength: 140 }), fc.uint8Array({ minLength: 64, maxLength: 64 })),
        async (bytes) => {
          const signature = Buffer.from(bytes).toString('base64url');
          const text = canonical({
            ...good,
            '_sigs/web.json': { ...(good['_sigs/web.json'] as object), signature },
          });
          const { refused: fault } = await check(text, 'lenient', { etcDirectory });
          assert.equal(fault?.message, MESSAGES.signatureFailed);
        },
      ),
      { numRuns: 300 },
    );
  });
});
