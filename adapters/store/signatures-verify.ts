/** One signature, one key: the algorithms of state signatures (storage §13.2, §13.5). Which key, and whether it is
 *  trusted, is decided in `signatures-keys.ts`. */

import { constants, type DSAEncoding, type KeyObject, type VerifyKeyObjectInput, verify } from 'node:crypto';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { MESSAGES } from '../../machines/domain/progress.ts';
import type { Selection, SignatureDocument } from '../../machines/domain/signature.ts';
import type { SignatureAlgorithm } from '../../machines/domain/signature-header.ts';
import { Distrust } from './signatures-chain.ts';

export interface TrustedKey {
  readonly key: KeyObject;
  /** For messages. */
  readonly name: string;
}

interface Scheme {
  readonly hash: string;
  /** Name of the curve, and bytes of a signature as `r || s`; undefined for RSA. */
  readonly curve?: { readonly name: string; readonly title: string; readonly signatureBytes: number };
}

const SCHEMES: Readonly<Record<SignatureAlgorithm, Scheme>> = {
  RS256: { hash: 'sha256' },
  ES256: { hash: 'sha256', curve: { name: 'prime256v1', title: 'P-256', signatureBytes: 64 } },
  ES384: { hash: 'sha384', curve: { name: 'secp384r1', title: 'P-384', signatureBytes: 96 } },
  ES512: { hash: 'sha512', curve: { name: 'secp521r1', title: 'P-521', signatureBytes: 132 } },
};

/** RFC 7518 §3.3. */
const MIN_RSA_BITS = 2048;

/** The key must be of the kind that the algorithm names: an attacker chooses the algorithm, not the key. */
export function requireKind({ key, name }: TrustedKey, alg: SignatureAlgorithm): void {
  const { curve } = SCHEMES[alg];
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (curve === undefined) {
    if (type !== 'rsa') {
      throw new Distrust(`the key of ${name} is ${type}, not RSA`, 'Write the alg that fits the key');
    }
    const bits = details?.modulusLength ?? 0;
    if (bits < MIN_RSA_BITS) {
      const fix = `Sign with a key of ${MIN_RSA_BITS} bits or more`;
      throw new Distrust(`the RSA key of ${name} has ${bits} bits`, fix);
    }
  } else if (type !== 'ec' || details?.namedCurve !== curve.name) {
    const kind = type === 'ec' ? `on curve ${details?.namedCurve}` : type;
    throw new Distrust(
      `the key of ${name} is ${kind}, not on ${curve.title}`,
      'Write the alg that fits the key',
    );
  }
}

/** ECDSA signatures are `r || s` (RFC 7515, what the signing tool makes) or, in any other length, ASN.1 DER (what
 *  `openssl dgst` makes). @throws Distrust; REFUSED with `Internal error` when the cryptography library fails, which a
 *  malformed signature is no reason for */
export async function requireSignature(
  document: SignatureDocument,
  alg: SignatureAlgorithm,
  { payload, size }: Selection,
  { key, name }: TrustedKey,
): Promise<void> {
  const { hash, curve } = SCHEMES[alg];
  const input = Buffer.from(`${document.protected}.${Buffer.from(payload).toString('base64url')}`);
  const signature = Buffer.from(document.signature, 'base64url');
  const dsaEncoding: DSAEncoding = signature.length === curve?.signatureBytes ? 'ieee-p1363' : 'der';
  const material: VerifyKeyObjectInput =
    curve === undefined ? { key, padding: constants.RSA_PKCS1_PADDING } : { key, dsaEncoding };
  const good = await new Promise<boolean>((resolve, reject) => {
    verify(hash, input, material, signature, (error, result) => {
      if (error) reject(broken(name, error));
      else resolve(result);
    });
  });
  if (good) return;
  throw new Distrust(
    `it is not what the key of ${name} made for the ${size} entries it selects`,
    'One of them was changed after signing, or the state is not sorted as it was signed: sign it again',
  );
}

function broken(subject: string, cause: Error): SupervisorError {
  const fix = `The cryptography library failed: ${cause.message}. Look for a damaged installation`;
  return new SupervisorError('REFUSED', MESSAGES.internal, { subject, cause, fix });
}
