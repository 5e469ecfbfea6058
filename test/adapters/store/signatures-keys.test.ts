import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import { canonical, ID, PARTS, pick, useSignedDevice } from './signed-device.ts';
import { type KeyKind, pem, type Signer, x5c } from './signing.ts';

describe('keys of signatures (storage §13.5)', function () {
  this.timeout(20_000);
  const { signers, keyOf, document, signed, device, check, accepted, refused } = useSignedDevice();
  let oemRoot: Signer;
  let oemLeaf: Signer;

  before(() => {
    oemRoot = signers().works.authority('oem root');
    oemLeaf = signers().works.issue('acme', keyOf('rsa:2048'), oemRoot);
  });

  describe('algorithms and keys (§13.5)', () => {
    const kinds: readonly { readonly alg: string; readonly kind: KeyKind }[] = [
      { alg: 'RS256', kind: 'rsa:2048' },
      { alg: 'ES256', kind: 'P-256' },
      { alg: 'ES384', kind: 'P-384' },
      { alg: 'ES512', kind: 'P-521' },
    ];
    for (const { alg, kind } of kinds) {
      it(`${alg} by a key in x5c and by the device's own, ECDSA as r || s and as DER (ideas 38, 41)`, async () => {
        const signer = signers().works.issue('signer', keyOf(kind), signers().root);
        const own = { etcDirectory: device({ 'pub.pem': signers().works.publicKey(signer.key) }) };
        for (const der of [false, true]) {
          await accepted(canonical(signed({ ...signer, chain: x5c(signer), alg, der })));
          await accepted(canonical(signed({ ...signer, chain: undefined, alg, der })), 'lenient', own);
        }
      });

      for (const other of kinds.filter((candidate) => candidate.kind !== kind)) {
        it(`${alg} is refused with a key of ${other.kind}`, async () => {
          const own = { etcDirectory: device({ 'pub.pem': signers().works.publicKey(keyOf(other.kind)) }) };
          const text = canonical(signed({ key: keyOf(kind), chain: undefined, alg }));
          await refused(
            text,
            /the key of .*pub\.pem is .*alg that fits/,
            MESSAGES.signatureFailed,
            'lenient',
            own,
          );
        });
      }
    }

    it('keys of other kinds and short RSA keys are refused', async () => {
      for (const [kind, alg, why] of [
        ['secp256k1', 'ES256', /curve secp256k1/],
        ['ed25519', 'ES256', /is ed25519/],
        ['rsa:1024', 'RS256', /has 1024 bits/],
      ] as const) {
        const own = { etcDirectory: device({ 'pub.pem': signers().works.publicKey(keyOf(kind)) }) };
        const key = keyOf(kind === 'ed25519' ? 'P-256' : kind);
        await refused(
          canonical(signed({ key, chain: undefined, alg })),
          why,
          MESSAGES.signatureFailed,
          'lenient',
          own,
        );
      }
    });

    it("without x5c another key than the device's fails (idea 38)", async () => {
      const own = {
        etcDirectory: device({ 'pub.pem': signers().works.publicKey(signers().works.key('rsa:2048')) }),
      };
      await refused(
        canonical(signed({ chain: undefined })),
        /pub\.pem/,
        MESSAGES.signatureFailed,
        'lenient',
        own,
      );
    });

    it('a device that trusts nobody says where the key is expected', async () => {
      const nobody = { etcDirectory: device({}) };
      const why = /there is no .*pantavisor\/pvs\/trust\/(pub\.pem|ca-certificates\.crt)\. Install it/;
      await refused(canonical(signed()), why, MESSAGES.signatureFailed, 'lenient', nobody);
      await refused(
        canonical(signed({ chain: undefined })),
        why,
        MESSAGES.signatureFailed,
        'lenient',
        nobody,
      );
    });

    it('a trust store that cannot be read is an internal error', async () => {
      const etcDirectory = device({});
      const store = join(etcDirectory, 'pantavisor/pvs/trust/ca-certificates.crt');
      mkdirSync(store);
      await refused(canonical(signed()), /EISDIR/, MESSAGES.internal, 'lenient', { etcDirectory });
      rmSync(store, { recursive: true });
      const broken = pem(signers().root).replace(/\n[A-Za-z0-9+/]/, '\n!');
      writeFileSync(store, broken);
      await refused(canonical(signed()), /certificate 1 of/, MESSAGES.internal, 'lenient', { etcDirectory });
      writeFileSync(store, 'nothing');
      await refused(canonical(signed()), /holds no certificate/, MESSAGES.signatureFailed, 'lenient', {
        etcDirectory,
      });
      const own = { etcDirectory: device({ 'pub.pem': 'no key' }) };
      await refused(
        canonical(signed({ chain: undefined })),
        /no public key/,
        MESSAGES.internal,
        'lenient',
        own,
      );
    });

    it('a clock that was never set is told of, once for a state, and accepted', async () => {
      const late = { now: () => Date.now() + 40 * 86_400_000 };
      await refused(canonical(signed()), /is valid from/, MESSAGES.signatureFailed, 'lenient', late);
      const found = signed()['_sigs/web.json'];
      const text = canonical({ ...signed(), '_sigs/again.json': found });
      const { refused: fault, told } = await check(text, 'lenient', { now: () => 0 });
      assert.equal(fault, undefined);
      assert.deepEqual(
        told.map(({ message }) => message),
        ['the clock is not set, so the dates of certificates are not checked'],
      );
    });

    it('the names of the stores are settings', async () => {
      const etcDirectory = device({ 'mine.crt': pem(oemRoot, signers().root) });
      await accepted(canonical(signed()), 'lenient', { etcDirectory, trustStore: 'mine' });
    });
  });

  describe('OEM (§13.5(3), idea 40)', () => {
    const oem = () => ({
      oemName: 'acme',
      etcDirectory: device({
        'ca-certificates.crt': pem(signers().root),
        'ca-oem-certificates.crt': pem(oemRoot),
      }),
    });
    const byOem = (
      parts: Readonly<Record<string, unknown>>,
      include: readonly string[],
      exclude: readonly string[] = [],
    ) => {
      const part = pick(
        parts,
        (key) => include.includes(`${key.split('/')[0]}/**`) && !exclude.includes(key),
      );
      const pvs = { include, exclude };
      return canonical({
        ...parts,
        '_sigs/x.json': document(part, { key: oemLeaf.key, chain: x5c(oemLeaf), pvs }),
      });
    };

    it('its certificates sign its applications', async () => {
      await accepted(byOem(PARTS, ['web/**']), 'lenient', oem());
    });

    it('but neither the BSP nor its own configuration', async () => {
      const why = /no certificate of the trust store issued .*CN=oem root/;
      await refused(byOem(PARTS, ['bsp/**', 'web/**']), why, MESSAGES.signatureFailed, 'lenient', oem());
      const parts = { ...PARTS, 'acme/default.config': ID };
      await refused(byOem(parts, ['acme/**']), why, MESSAGES.signatureFailed, 'lenient', oem());
      await accepted(byOem(parts, ['acme/**', 'web/**'], ['acme/default.config']), 'lenient', oem());
    });

    it('are not asked for when no OEM is named or the common name is another', async () => {
      for (const oemName of [undefined, '', 'other']) {
        const options = { ...oem(), oemName };
        await refused(
          byOem(PARTS, ['web/**']),
          /no certificate/,
          MESSAGES.signatureFailed,
          'lenient',
          options,
        );
      }
    });

    it('and the device certificates do not speak for the OEM', async () => {
      const impostor = signers().works.issue('acme', signers().leaf.key, signers().root);
      await refused(
        canonical(signed({ chain: x5c(impostor) })),
        /no certificate/,
        MESSAGES.signatureFailed,
        'lenient',
        oem(),
      );
    });
  });
});
