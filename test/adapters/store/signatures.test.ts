import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import { canonical, ID, notOfWeb, PARTS, pick, REST, useSignedDevice, WEB } from './signed-device.ts';
import { x5c } from './signing.ts';

describe('signatures of a state (storage §13)', function () {
  this.timeout(20_000);
  const { signers, document, signed, device, check, accepted, refused } = useSignedDevice();

  describe('coverage (§13.6)', () => {
    const whole = () => ({ ...signed(), '_sigs/rest.json': restOf(REST) });
    const restOf = (pvs: unknown) =>
      document(pick(PARTS, notOfWeb), {
        key: signers().leaf.key,
        chain: x5c(signers().leaf, signers().middle),
        pvs,
      });

    it('a chain of certificates up to the trust store validates in lenient and strict (idea 35)', async () => {
      await accepted(canonical(whole()), 'lenient');
      await accepted(canonical(whole()), 'strict');
    });

    it('strict wants every key covered, and names those that are not (ideas 36, 37)', async () => {
      await refused(
        canonical(signed()),
        /No signature covers "#spec", "bsp\/run\.json", "device\.json"\./,
        MESSAGES.notCovered,
        'strict',
      );
      await accepted(canonical(signed()), 'lenient');
    });

    it('what a signature excludes is covered (idea 36)', async () => {
      const pvs = { ...WEB, exclude: [...WEB.exclude, '*', 'bsp/**'] };
      await accepted(canonical(signed({ pvs })), 'strict');
    });

    it('a state without signatures passes lenient and fails strict', async () => {
      await accepted(canonical(PARTS), 'lenient');
      await accepted(canonical(PARTS), 'disabled');
      await refused(canonical(PARTS), /"#spec".* and 2 more/, MESSAGES.notCovered, 'strict');
    });

    it('audit tells what strict would refuse, and refuses nothing (S-34)', async () => {
      const uncovered = await check(canonical(signed()), 'audit');
      assert.equal(uncovered.refused, undefined);
      assert.deepEqual(
        uncovered.told.map(({ message }) => message),
        [MESSAGES.notCovered],
      );
      const text = canonical({ ...signed(), 'web/root.squashfs': 'b'.repeat(64) });
      const bad = await check(text, 'audit');
      assert.equal(bad.refused, undefined);
      assert.deepEqual(
        bad.told.map(({ message }) => message),
        [MESSAGES.signatureFailed],
      );
      const nobody = await check(canonical(signed()), 'audit', { etcDirectory: device({}) });
      assert.equal(nobody.refused, undefined);
    });

    it('disabled looks at nothing', async () => {
      const text = canonical({
        ...signed(),
        '_sigs/bad.json': { '#spec': 'pvs@2', protected: 1, signature: [] },
      });
      await accepted(text, 'disabled');
    });

    it('a signature may stand under any key, which then needs cover itself (§13.2)', async () => {
      const { '_sigs/web.json': found, ...rest } = signed();
      await accepted(canonical({ ...rest, 'any/where.json': found }));
      const bad = canonical({ ...rest, 'web/root.squashfs': 'b'.repeat(64), 'any/where.json': found });
      await refused(bad, /"any\/where\.json"/);
    });
  });

  describe('tampering (idea 35)', () => {
    const changes: readonly { readonly why: string; readonly parts: Readonly<Record<string, unknown>> }[] = [
      { why: 'another object', parts: { 'web/root.squashfs': `${'a'.repeat(63)}b` } },
      { why: 'one more signed file', parts: { 'web/more': ID } },
      { why: 'one more configuration file', parts: { '_config/web/etc/passwd': ID } },
      { why: 'other inline JSON', parts: { 'web/run.json': { ...(PARTS['web/run.json'] as object), z: 1 } } },
      { why: 'a file under another name', parts: { 'web/root.squashfs': undefined, 'web/root.squashf': ID } },
    ];
    for (const { why, parts } of changes) {
      it(`is refused: ${why}`, async () => {
        await refused(
          canonical({ ...signed(), ...parts }),
          /not what the key of certificate "O=Works, CN=leaf" made/,
        );
      });
    }

    it('is refused: other white space in inline JSON (§13.4)', async () => {
      await refused(canonical(signed()).replace('"name":"web"', '"name": "web"'), /_sigs\/web\.json/);
    });

    it('is refused: a flipped bit anywhere in the signature or the header', async () => {
      const good = signed();
      const found = good['_sigs/web.json'] as Record<string, string>;
      const etcDirectory = device();
      for (const name of ['protected', 'signature'] as const) {
        const bytes = Buffer.from(found[name] ?? '', 'base64url');
        for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 60)) {
          const flipped = Buffer.from(bytes);
          flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
          const text = canonical({
            ...good,
            '_sigs/web.json': { ...found, [name]: flipped.toString('base64url') },
          });
          const { refused: fault } = await check(text, 'lenient', { etcDirectory });
          assert.equal(fault?.message, MESSAGES.signatureFailed, `${name} ${at}`);
        }
      }
    });

    it('what is not signed may change', async () => {
      await accepted(canonical({ ...signed(), 'web/src.json': { other: 2 }, 'other/file': ID }));
    });

    it('a state that is not sorted as it was signed is refused, and passes sorted (idea 43)', async () => {
      const good = signed();
      const unsorted = JSON.stringify(Object.fromEntries(Object.entries(good).reverse()));
      await refused(unsorted, /not sorted as it was signed/);
      await accepted(canonical(good));
    });

    it('the same state with white space between its entries passes: only raw values are signed (§13.4)', async () => {
      const spaced = Object.entries(signed()).map(
        ([key, value]) => `${JSON.stringify(key)} : ${JSON.stringify(value)}`,
      );
      await accepted(`{\n${spaced.join(' ,\n')}\n}`);
    });

    it('a signed object is not to be exchanged for the string of its text (§13.4)', async () => {
      const parts = { ...PARTS, 'web/x.json': [1, 2] };
      const good = canonical(signed({}, parts));
      await accepted(good);
      await refused(good.replace('"web/x.json":[1,2]', '"web/x.json":"[1,2]"'), /web\.json/);
    });
  });

  describe('what is signed', () => {
    it('nothing: the payload is {} (§13.4)', async () => {
      const pvs = { include: [], exclude: ['**'] };
      const text = canonical({
        ...PARTS,
        '_sigs/web.json': document(
          {},
          { key: signers().leaf.key, chain: x5c(signers().leaf, signers().middle), pvs },
        ),
      });
      const { refused: fault, told } = await check(text, 'strict');
      assert.equal(fault, undefined);
      assert.deepEqual(
        told.map(({ message }) => message),
        ['signature _sigs/web.json signs no entry of the state'],
      );
    });

    it('everything but the signatures, by ** (S-33)', async () => {
      const pvs = { include: ['**'], exclude: ['_sigs/**'] };
      const chain = x5c(signers().leaf, signers().middle);
      const text = canonical({
        ...PARTS,
        '_sigs/all.json': document(PARTS, { key: signers().leaf.key, chain, pvs }),
      });
      await accepted(text, 'strict');
    });

    it('names and texts beyond ASCII', async () => {
      const parts = { ...PARTS, 'web/grüße-😀.json': { text: 'schön 😀' } };
      await accepted(canonical(signed({}, parts)));
    });
  });

  it('takes a state of 100,000 keys with ten signatures', async () => {
    const parts: Record<string, unknown> = { '#spec': 'pantavisor-service-system@1' };
    for (let at = 0; at < 100_000; at += 1) parts[`d${at % 10}/part-${at}`] = ID;
    const chain = x5c(signers().leaf, signers().middle);
    const all = { ...parts };
    for (let at = 0; at < 10; at += 1) {
      const pvs = { include: [`d${at}/**`], exclude: [`_sigs/${at}.json`] };
      const part = pick(parts, (key) => key.startsWith(`d${at}/`));
      all[`_sigs/${at}.json`] = document(part, { key: signers().leaf.key, chain, pvs });
    }
    await accepted(canonical(all));
  });

  it('takes what the recipe for test vectors makes (§13.7)', async () => {
    const recipe = `set -e
b64u() { base64 -w0 | tr '+/' '-_' | tr -d '='; }
PROT=$(printf '{"alg":"RS256","pvs":{"exclude":["web/src.json","_sigs/web.json"],"include":["web/**"]},"typ":"PVS","x5c":["%s"]}' \
       "$(openssl x509 -in "$LEAF" -outform DER | base64 -w0)" | b64u)
PAYLOAD='{"web/lxc.container.conf":"${ID}","web/run.json":{"config":"lxc.container.conf","name":"web","type":"lxc"}}'
printf '%s.%s' "$PROT" "$(printf %s "$PAYLOAD" | b64u)" > tbs
SIG=$(openssl dgst -sha256 -sign "$KEY" tbs | b64u)
printf '{"#spec":"pantavisor-service-system@1","_sigs/web.json":{"#spec":"pvs@2","protected":"%s","signature":"%s"},%s' \
       "$PROT" "$SIG" "\${PAYLOAD#?}"`;
    const signer = signers().works.issue('recipe', signers().leaf.key, signers().root);
    const environment = { ...process.env, LEAF: signer.certificate, KEY: signer.key };
    const text = execFileSync('sh', ['-c', recipe], {
      cwd: signers().works.directory,
      env: environment,
    }).toString();
    await accepted(text);
    await refused(text.replace(ID, 'b'.repeat(64)), /_sigs\/web\.json/);
  });
});
