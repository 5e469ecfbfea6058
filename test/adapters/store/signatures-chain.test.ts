import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  CLOCK_SET_MS,
  commonName,
  Distrust,
  readChain,
  requireTrust,
} from '../../../adapters/store/signatures-chain.ts';
import { extensionsOf, pathLength, signatureAlgorithm } from '../../../adapters/store/signatures-der.ts';
import { type Signer, Workshop, x5c } from './signing.ts';

const DAY_MS = 86_400_000;

describe('chains of certificates (storage §13.5)', function () {
  this.timeout(20_000);
  let works: Workshop;
  let key: string;
  let root: Signer;
  let middle: Signer;
  let low: Signer;
  let leaf: Signer;
  let lowLeaf: Signer;

  before(() => {
    works = new Workshop();
    key = works.key('P-256');
    root = works.authority('root');
    middle = works.authority('middle', root, 'CA:TRUE,pathlen:1');
    low = works.authority('low', middle, 'CA:TRUE,pathlen:0');
    leaf = works.issue('leaf', key, middle);
    lowLeaf = works.issue('low leaf', key, low);
  });
  after(() => works.dispose());

  const certificateOf = (signer: Signer) => new X509Certificate(readFileSync(signer.certificate));
  const trust = (chain: readonly Signer[], store: readonly Signer[], nowMs = Date.now()): void =>
    requireTrust(readChain(x5c(...chain)), store.map(certificateOf), nowMs);
  const distrust = (
    chain: readonly Signer[],
    store: readonly Signer[],
    why: RegExp,
    nowMs = Date.now(),
  ): void =>
    assert.throws(
      () => trust(chain, store, nowMs),
      (error) => error instanceof Distrust && why.test(error.message) && error.fix !== '',
    );

  it('a leaf by an authority of the store, and one by intermediates in x5c (idea 39)', () => {
    trust([leaf], [middle]);
    trust([leaf, middle], [root]);
    trust([lowLeaf, low, middle], [root]);
    trust([lowLeaf, low], [works.authority('unrelated'), root, middle]);
  });

  it('a root in x5c neither helps nor harms', () => {
    trust([leaf, middle, root], [root]);
    trust([leaf, middle, works.authority('unrelated')], [root]);
    distrust([leaf, middle, root], [works.authority('root')], /not signed by certificate "O=Works, CN=root"/);
  });

  it('a leaf that does not lead to the store (idea 39)', () => {
    distrust([leaf], [root], /no certificate of the trust store issued any of the chain.*CN=middle"/);
    distrust(
      [lowLeaf, middle],
      [root],
      /"O=Works, CN=low leaf" is not signed by certificate "O=Works, CN=middle"/,
    );
    distrust([middle, leaf], [works.authority('other')], /no certificate/);
    distrust([leaf], [], /no certificate/);
  });

  it('a leaf of an impostor with the names of the real ones', () => {
    const falseRoot = works.authority('root');
    const falseMiddle = works.authority('middle', falseRoot);
    const falseLeaf = works.issue('leaf', key, falseMiddle);
    distrust([falseLeaf, falseMiddle, falseRoot], [root], /not signed by/);
    distrust([falseLeaf, middle], [root], /not signed by/);
    trust([falseLeaf, falseMiddle], [falseRoot, root]);
    trust([falseLeaf, falseMiddle], [root, falseRoot]);
  });

  it('a certificate that is in the store itself needs no issuer and no authority', () => {
    trust([leaf], [leaf]);
    const alone = works.issue('alone', key);
    trust([alone], [root, alone]);
    distrust([works.issue('alone', key)], [root, alone], /no certificate of an authority/);
  });

  it('an issuer that is no authority', () => {
    const posing = works.issue('posing', works.key('P-256'), root);
    const below = works.issue('below', key, posing);
    distrust([below, posing], [root], /"O=Works, CN=posing" is no certificate of an authority/);
    distrust([below], [posing], /no certificate of an authority/);
    const denied = works.issue('denied', works.key('P-256'), root, ['basicConstraints=CA:FALSE']);
    distrust([works.issue('below', key, denied), denied], [root], /no certificate of an authority/);
  });

  it('an issuer whose keyUsage forbids signing certificates', () => {
    const usage = ['basicConstraints=critical,CA:TRUE', 'keyUsage=digitalSignature'];
    const limited = works.issue('limited', works.key('P-256'), root, usage);
    distrust([works.issue('below', key, limited), limited], [root], /CN=limited|no certificate/);
  });

  it('more authorities than an issuer allows', () => {
    const lower = works.authority('lower', low);
    distrust(
      [works.issue('below', key, lower), lower, low, middle],
      [root],
      /CN=(low|middle)" allows [01] authorities below it/,
    );
    trust([works.issue('below', key, lower), lower], [lower]);
  });

  it('a critical extension that is not understood, and one that is', () => {
    const odd = works.issue('odd', key, root, ['1.2.3.4=critical,ASN1:UTF8String:x']);
    distrust([odd], [root], /critical extension that is not supported \(2a0304\)/);
    trust(
      [works.issue('fine', key, root, ['1.2.3.4=ASN1:UTF8String:x', 'keyUsage=critical,digitalSignature'])],
      [root],
    );
  });

  it('a certificate with a forgeable hash', () => {
    distrust([works.issue('old', key, root, [], 'sha1')], [root], /weak hash/);
  });

  it('dates count once the clock is set', () => {
    const now = Date.now();
    for (const days of [-2, 31]) {
      distrust([leaf, middle], [root], /is valid from .* to .*, and it is \d{4}-/, now + days * DAY_MS);
    }
    trust([leaf, middle], [root], now + 29 * DAY_MS);
    trust([leaf, middle], [root], 0);
    trust([leaf, middle], [root], CLOCK_SET_MS - 1);
    distrust([leaf, middle], [root], /is valid from/, CLOCK_SET_MS);
  });

  it('reads names, extensions and algorithms', () => {
    const certificate = certificateOf(low);
    assert.equal(commonName(certificate), 'low');
    assert.equal(commonName(certificateOf(works.issue('a/CN=b', key))), undefined);
    assert.equal(signatureAlgorithm(certificate.raw), '2a8648ce3d040302');
    const [constraints] = extensionsOf(certificate.raw).filter(({ id }) => id === '2.5.29.19');
    assert.equal(constraints?.critical, true);
    assert.equal(pathLength(constraints.value), 0);
    assert.equal(pathLength(Uint8Array.of(0x30, 0)), undefined);
    for (let length = 0; length < certificate.raw.length; length += 7) {
      const cut = certificate.raw.subarray(0, length);
      try {
        extensionsOf(cut);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }
  });
});
