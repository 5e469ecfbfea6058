/** The keys that a device trusts to sign states: where they lie, and which of them a signature is checked with (storage
 *  §13.5). How a chain is followed is in `signatures-chain.ts`. */

import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Fault, SupervisorError } from '../../machines/domain/fault.ts';
import { MESSAGES } from '../../machines/domain/progress.ts';
import type { Selection } from '../../machines/domain/signature.ts';
import type { SignatureHeader } from '../../machines/domain/signature-header.ts';
import { errnoOf } from './files.ts';
import {
  CLOCK_SET_MS,
  commonName,
  Distrust,
  nameOf,
  publicKeyOf,
  readChain,
  requireTrust,
} from './signatures-chain.ts';
import type { TrustedKey } from './signatures-verify.ts';

export interface TrustOptions {
  /** `PV_SYSTEM_ETCDIR`; the keys are below it, in `pantavisor/pvs/trust`. */
  readonly etcDirectory: string;
  /** `PV_SECUREBOOT_TRUSTSTORE`, a name without directory and extension. */
  readonly trustStore: string;
  /** `PV_SECUREBOOT_OEM_TRUSTSTORE`, as `trustStore`. */
  readonly oemTrustStore: string;
  /** `PV_OEM_NAME`; empty or undefined for none. */
  readonly oemName: string | undefined;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Told what is wrong and yet not refused. */
  readonly complain: (fault: Fault) => void;
}

/** Keys are read anew for each state, and once for all its signatures. */
export interface Trust {
  /** @throws Distrust, SupervisorError */
  keyFor(header: SignatureHeader, selection: Selection): Promise<TrustedKey>;
}

interface Chain {
  readonly certificates: readonly X509Certificate[];
  readonly leaf: X509Certificate;
  /** Common name of the leaf. */
  readonly name: string | undefined;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

export function createTrust(options: TrustOptions): Trust {
  const { etcDirectory, trustStore, oemTrustStore, oemName = '', now, complain } = options;
  const directory = join(etcDirectory, 'pantavisor/pvs/trust');
  const bundles = new Map<string, ReturnType<typeof readBundle>>();
  const chains = new Map<string, Chain>();
  const trusted = new Map<string, TrustedKey>();
  let ownKey: Promise<KeyObject> | undefined;
  let toldOfClock = false;

  return {
    async keyFor({ x5c }, selection) {
      if (x5c === undefined) {
        const path = join(directory, 'pub.pem');
        ownKey ??= readPublicKey(path);
        return { key: await ownKey, name: path };
      }
      const id = x5c.join('\n');
      const chain = chains.get(id) ?? openChain(x5c);
      chains.set(id, chain);
      const store = isOem(chain, selection) ? oemTrustStore : trustStore;
      const known = trusted.get(`${store}\n${id}`);
      if (known !== undefined) return known;
      requireTrust(chain.certificates, await bundleOf(store), clock());
      const signer = { key: publicKeyOf(chain.leaf), name: nameOf(chain.leaf) };
      trusted.set(`${store}\n${id}`, signer);
      return signer;
    },
  };

  /** Storage §13.5(3): the OEM's certificates speak for what is neither of the BSP nor the OEM's configuration. */
  function isOem({ name }: Chain, selection: Selection): boolean {
    if (oemName === '' || name !== oemName) return false;
    return !selection.reaches('bsp') && !selection.reaches(oemName);
  }

  function bundleOf(store: string): ReturnType<typeof readBundle> {
    const bundle = bundles.get(store) ?? readBundle(join(directory, `${store}.crt`));
    bundles.set(store, bundle);
    return bundle;
  }

  function clock(): number {
    const nowMs = now();
    if (nowMs < CLOCK_SET_MS && !toldOfClock) {
      toldOfClock = true;
      const message = 'the clock is not set, so the dates of certificates are not checked';
      complain({ code: 'UNSUPPORTED', message, fix: 'Set the clock before the supervisor starts' });
    }
    return nowMs;
  }
}

function openChain(x5c: readonly string[]): Chain {
  const certificates = readChain(x5c);
  const [leaf] = certificates;
  if (leaf === undefined) throw new Distrust('x5c is empty', 'Put the certificate of the signer there');
  return { certificates, leaf, name: commonName(leaf) };
}

/** The certificates of a bundle. @throws Distrust when there are none; SupervisorError when it cannot be read */
async function readBundle(path: string): Promise<readonly X509Certificate[]> {
  const text = await readTrusted(path);
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    throw new Distrust(`the trust store ${path} holds no certificate`, 'Put PEM certificates there');
  }
  return blocks.map((block, place) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw internal(
        `certificate ${place + 1} of ${path} cannot be read`,
        'Replace or remove it',
        path,
        cause,
      );
    }
  });
}

/** The public key in a PEM file. @throws Distrust when there is no file; SupervisorError when it cannot be read */
async function readPublicKey(path: string): Promise<KeyObject> {
  const text = await readTrusted(path);
  try {
    return createPublicKey(text);
  } catch (cause) {
    throw internal(`${path} holds no public key`, 'Put a PEM public key there', path, cause);
  }
}

async function readTrusted(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') throw new Distrust(`there is no ${path}`, 'Install it on the device');
    throw internal(`${path} cannot be read`, 'Make it readable', path, cause);
  }
}

/** What keeps the device from verifying anything (control API §6.7: `Internal error`). */
function internal(reason: string, remedy: string, subject: string, cause: unknown): SupervisorError {
  const errno = errnoOf(cause);
  const why = errno ?? (cause instanceof Error ? cause.message : String(cause));
  const fix = `${reason}: ${why}. ${remedy}`;
  return new SupervisorError('REFUSED', MESSAGES.internal, {
    subject,
    fix,
    cause,
    ...(errno === undefined ? {} : { errno }),
  });
}
