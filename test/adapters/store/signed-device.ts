/** A device that verifies signatures, the people who sign for it, and an example state with a container `web`. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSignatures, type SignatureOptions } from '../../../adapters/store/signatures.ts';
import { type Fault, SupervisorError } from '../../../machines/domain/fault.ts';
import { MESSAGES } from '../../../machines/domain/progress.ts';
import type { SecurebootMode } from '../../../machines/domain/signature.ts';
import { parseState } from '../../../machines/domain/state-json.ts';
import { useScratch } from '../scratch.ts';
import { type KeyKind, pem, type Signer, Workshop, x5c } from './signing.ts';

export const ID = 'a'.repeat(64);
export const PARTS: Readonly<Record<string, unknown>> = {
  '#spec': 'pantavisor-service-system@1',
  'bsp/run.json': { initrd: 'pv', linux: 'Image', modules: 'mods.squashfs' },
  'device.json': {},
  'web/lxc.container.conf': ID,
  'web/root.squashfs': ID,
  'web/run.json': { config: 'lxc.container.conf', group: 'app', name: 'web', type: 'lxc' },
  'web/src.json': { any: 1 },
};
export const WEB = { include: ['web/**', '_config/web/**'], exclude: ['web/src.json', '_sigs/web.json'] };
export const REST = { include: ['**'], exclude: ['_sigs/**', 'web/**'] };

/** As the signing tool does: sorted, without white space, and signed in that form. */
export function canonical(parts: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1))));
}

export function pick(parts: Readonly<Record<string, unknown>>, wanted: (key: string) => boolean) {
  return Object.fromEntries(Object.entries(parts).filter(([key]) => wanted(key)));
}
export const ofWeb = (key: string) => key.startsWith('web/') && key !== 'web/src.json';
export const notOfWeb = (key: string) => !key.startsWith('web/');

export interface Signing {
  readonly key: string;
  readonly chain?: readonly string[] | undefined;
  readonly alg?: string;
  readonly pvs?: unknown;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly der?: boolean;
}

export interface Verdict {
  readonly refused: Fault | undefined;
  readonly told: readonly Fault[];
}

/** Who signs: the leaf is of `middle`, which is of the device's `root`. */
export interface Signers {
  readonly works: Workshop;
  readonly root: Signer;
  readonly middle: Signer;
  readonly leaf: Signer;
}

/** Call inside `describe`; `signers` may be called in its tests and later hooks. */
export function useSignedDevice() {
  const scratch = useScratch();
  const keys = new Map<KeyKind, string>();
  let made: Signers | undefined;
  const signers = (): Signers => {
    assert.ok(made);
    return made;
  };
  const keyOf = (kind: KeyKind): string => {
    const key = keys.get(kind) ?? signers().works.key(kind);
    keys.set(kind, key);
    return key;
  };

  before(() => {
    const works = new Workshop();
    const root = works.authority('root');
    const middle = works.authority('middle', root);
    const key = works.key('rsa:2048');
    keys.set('rsa:2048', key);
    made = { works, root, middle, leaf: works.issue('leaf', key, middle) };
  });
  after(() => signers().works.dispose());

  /** A signature document over the canonical form of `signed`. */
  function document(signed: Readonly<Record<string, unknown>>, signing: Signing): Record<string, string> {
    const { key, chain, alg = 'RS256', pvs = WEB, header = {}, der = false } = signing;
    const fields = { alg, pvs, typ: 'PVS', ...(chain === undefined ? {} : { x5c: chain }), ...header };
    const encoded = Buffer.from(JSON.stringify(fields)).toString('base64url');
    const payload = Buffer.from(canonical(signed)).toString('base64url');
    const signature = signers().works.sign(`${encoded}.${payload}`, key, alg, der);
    return { '#spec': 'pvs@2', protected: encoded, signature };
  }

  /** The example state, with container web signed. */
  function signed(signing: Partial<Signing> = {}, parts = PARTS): Record<string, unknown> {
    const { leaf, middle } = signers();
    const defaults = { key: leaf.key, chain: x5c(leaf, middle) };
    return { ...parts, '_sigs/web.json': document(pick(parts, ofWeb), { ...defaults, ...signing }) };
  }

  function device(
    trust: Readonly<Record<string, string>> = { 'ca-certificates.crt': pem(signers().root) },
  ): string {
    const etcDirectory = scratch();
    const directory = join(etcDirectory, 'pantavisor/pvs/trust');
    mkdirSync(directory, { recursive: true });
    for (const [name, text] of Object.entries(trust)) writeFileSync(join(directory, name), text);
    return etcDirectory;
  }

  async function check(
    text: string,
    mode: SecurebootMode = 'lenient',
    options: Partial<SignatureOptions> = {},
  ): Promise<Verdict> {
    const told: Fault[] = [];
    const signatures = createSignatures({
      mode,
      etcDirectory: options.etcDirectory ?? device(),
      trustStore: 'ca-certificates',
      oemTrustStore: 'ca-oem-certificates',
      oemName: undefined,
      now: Date.now,
      complain: (fault) => told.push(fault),
      ...options,
    });
    const parsed = parseState(text);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    try {
      await signatures.check(text);
      return { refused: undefined, told };
    } catch (error) {
      assert.ok(error instanceof SupervisorError, String(error));
      assert.equal(error.fault.code, 'REFUSED');
      return { refused: error.fault, told };
    }
  }

  async function accepted(
    text: string,
    ...rest: [SecurebootMode?, Partial<SignatureOptions>?]
  ): Promise<void> {
    assert.deepEqual(await check(text, ...rest), { refused: undefined, told: [] });
  }

  async function refused(
    text: string,
    why: RegExp,
    message: string = MESSAGES.signatureFailed,
    ...rest: [SecurebootMode?, Partial<SignatureOptions>?]
  ): Promise<void> {
    const { refused: fault } = await check(text, ...rest);
    assert.equal(fault?.message, message);
    assert.match(fault.fix ?? '', why);
  }

  return { signers, keyOf, document, signed, device, check, accepted, refused };
}
