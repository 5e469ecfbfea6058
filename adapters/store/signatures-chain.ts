/** The way from a certificate of the device's trust store to the leaf that signed (storage §13.5). It is followed
 *  downwards, so that no key is used before it is trusted.
 *
 *  Each certificate must be signed by the next, the last one needed by a certificate of the bundle, which need not be
 *  self-signed; a certificate that is itself in the bundle needs no issuer. Issuers must be authorities
 *  (basicConstraints with its path length) and be allowed to sign certificates where they have a keyUsage. Critical
 *  extensions that are not understood, and hashes that can be forged, are refused. Nothing is revoked, and what else a
 *  certificate is for is not looked at.
 *
 *  Validity dates count once the clock is set. A device without a clock of its own boots in 1970 and must start the
 *  revision that it has: before `CLOCK_SET_MS` dates are not looked at, and the log is told. */

import { type KeyObject, X509Certificate } from 'node:crypto';
import { extensionsOf, pathLength, signatureAlgorithm } from './signatures-der.ts';

/** A clock that shows an earlier time was never set. */
export const CLOCK_SET_MS = Date.UTC(2024, 0, 1);

/** Why a chain or a key is of no use, and what to do. */
export class Distrust extends Error {
  readonly fix: string;

  constructor(reason: string, fix: string) {
    super(reason);
    this.fix = fix;
  }
}

const BASIC_CONSTRAINTS = '2.5.29.19';
/** keyUsage, subjectAltName, basicConstraints, certificatePolicies, extKeyUsage. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  '2.5.29.15',
  '2.5.29.17',
  BASIC_CONSTRAINTS,
  '2.5.29.32',
  '2.5.29.37',
]);

/** RSA with MD2, MD4, MD5 and SHA-1, ECDSA with SHA-1. */
const FORGEABLE: ReadonlySet<string> = new Set([
  '2a864886f70d010102',
  '2a864886f70d010103',
  '2a864886f70d010104',
  '2a864886f70d010105',
  '2a8648ce3d0401',
]);

/** Certificates from base64 of DER, leaf first. @throws Distrust */
export function readChain(x5c: readonly string[]): readonly X509Certificate[] {
  return x5c.map((encoded, place) => {
    const der = Buffer.from(encoded, 'base64');
    const certificate = parse(der);
    // Text form would be read too, and bytes after the end be ignored.
    if (certificate?.raw.equals(der) === true) return certificate;
    throw new Distrust(`x5c[${place}] is no certificate in DER form`, 'Put the base64 of the DER form there');
  });
}

function parse(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

/** The common name of a certificate's subject; undefined when there is none, or more than one. */
export function commonName(certificate: X509Certificate): string | undefined {
  const name: unknown = certificate.toLegacyObject().subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

/** Follows the chain from any certificate that the bundle vouches for down to the leaf. @throws Distrust with the reason
 *  why the shortest way does not do */
export function requireTrust(
  chain: readonly X509Certificate[],
  bundle: readonly X509Certificate[],
  nowMs: number,
): void {
  let first: Distrust | undefined;
  for (const [place, certificate] of chain.entries()) {
    const anchors = anchorsOf(certificate, bundle);
    for (const anchor of anchors) {
      const obstacle = wayDown(chain.slice(0, place + 1), anchor, nowMs);
      if (obstacle === undefined) return;
      first ??= obstacle;
    }
  }
  throw first ?? unanchored(chain);
}

/** The certificate itself where it is in the bundle, and whoever there may have issued it. */
function anchorsOf(certificate: X509Certificate, bundle: readonly X509Certificate[]) {
  const same = bundle.filter(({ raw }) => raw.equals(certificate.raw));
  return same.length > 0 ? same : bundle.filter((issuer) => certificate.checkIssued(issuer));
}

/** Why `anchor` does not vouch for the leaf of the chain. */
function wayDown(
  chain: readonly X509Certificate[],
  anchor: X509Certificate,
  nowMs: number,
): Distrust | undefined {
  const top = chain.at(-1);
  const path = top?.raw.equals(anchor.raw) === true ? chain : [...chain, anchor];
  for (let place = path.length - 1; place >= 0; place -= 1) {
    const certificate = path[place];
    if (certificate === undefined) continue;
    const obstacle =
      unfit(certificate, nowMs) ?? (place > 0 ? unfitIssuer(certificate, place - 1) : undefined);
    if (obstacle !== undefined) return obstacle;
    const issued = path[place - 1];
    const forged = issued === undefined ? undefined : notIssued(issued, certificate);
    if (forged !== undefined) return forged;
  }
  return undefined;
}

function notIssued(issued: X509Certificate, issuer: X509Certificate): Distrust | undefined {
  if (FORGEABLE.has(readDer(issued, signatureAlgorithm))) {
    return new Distrust(`${nameOf(issued)} is signed with a weak hash`, 'Issue it again with SHA-256');
  }
  if (issued.checkIssued(issuer) && issued.verify(publicKeyOf(issuer))) return undefined;
  const reason = `${nameOf(issued)} is not signed by ${nameOf(issuer)}`;
  return new Distrust(reason, 'List the leaf first and each issuer after what it issued');
}

function unfit(certificate: X509Certificate, nowMs: number): Distrust | undefined {
  const unknown = readDer(certificate, extensionsOf).find(
    ({ id, critical }) => critical && !UNDERSTOOD.has(id),
  );
  if (unknown !== undefined) {
    const reason = `${nameOf(certificate)} has a critical extension that is not supported (${unknown.id})`;
    return new Distrust(reason, 'Issue a certificate without it');
  }
  if (nowMs < CLOCK_SET_MS) return undefined;
  const { validFrom, validTo } = certificate;
  if (Date.parse(validFrom) <= nowMs && nowMs <= Date.parse(validTo)) return undefined;
  const reason = `${nameOf(certificate)} is valid from ${validFrom} to ${validTo}`;
  return new Distrust(
    `${reason}, and it is ${new Date(nowMs).toISOString()}`,
    'Sign with a valid certificate, or set the clock of the device',
  );
}

/** `below`: how many authorities stand between this one and the leaf. */
function unfitIssuer(certificate: X509Certificate, below: number): Distrust | undefined {
  if (!certificate.ca) {
    const reason = `${nameOf(certificate)} is no certificate of an authority`;
    return new Distrust(reason, 'Sign with a leaf that an authority issued (basicConstraints CA:TRUE)');
  }
  const constraints = readDer(certificate, extensionsOf).find(({ id }) => id === BASIC_CONSTRAINTS);
  const limit = constraints === undefined ? undefined : pathLength(constraints.value);
  if (limit === undefined || below <= limit) return undefined;
  const reason = `${nameOf(certificate)} allows ${limit} authorities below it, and there are ${below}`;
  return new Distrust(reason, 'Sign with a leaf that it issued itself');
}

function readDer<T>(certificate: X509Certificate, read: (der: Uint8Array) => T): T {
  try {
    return read(certificate.raw);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new Distrust(`${nameOf(certificate)} is not in DER form`, 'Issue it again');
  }
}

/** @throws Distrust for a kind of key that the cryptography library does not know */
export function publicKeyOf(certificate: X509Certificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch {
    throw new Distrust(`the key of ${nameOf(certificate)} is of no known kind`, 'Use an RSA or EC key');
  }
}

function unanchored(chain: readonly X509Certificate[]): Distrust {
  const last = chain.at(-1);
  const issuer = last === undefined ? '' : oneLine(last.issuer);
  return new Distrust(
    `no certificate of the trust store issued any of the chain, which ends at issuer "${issuer}"`,
    'Put the missing intermediate into x5c, or the root into the trust store',
  );
}

/** A certificate for messages. */
export function nameOf(certificate: X509Certificate): string {
  return `certificate "${oneLine(certificate.subject ?? '')}"`;
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ').slice(0, 200);
}
