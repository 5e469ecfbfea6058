/** Keys, certificates and signatures for tests, made by openssl in a scratch directory. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type KeyKind = 'rsa:1024' | 'rsa:2048' | 'P-256' | 'P-384' | 'P-521' | 'secp256k1' | 'ed25519';

export interface Signer {
  /** Path of the private key. */
  readonly key: string;
  /** Path of the certificate. */
  readonly certificate: string;
}

const HASHES: Readonly<Record<string, string>> = { ES384: 'sha384', ES512: 'sha512' };
/** Bytes of r and of s. */
const HALVES: Readonly<Record<string, number>> = { ES256: 32, ES384: 48, ES512: 66 };

export class Workshop {
  readonly directory = mkdtempSync(join(tmpdir(), 'sv-'));
  #serial = 0;

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  key(kind: KeyKind): string {
    const path = this.#path('key');
    const [type, bits] = kind.split(':');
    const options =
      type === 'ed25519'
        ? ['-algorithm', 'ed25519']
        : bits === undefined
          ? ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${kind}`]
          : ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`];
    openssl('genpkey', ...options, '-out', path);
    return path;
  }

  publicKey(key: string): string {
    return openssl('pkey', '-in', key, '-pubout').toString();
  }

  /** A certificate by `issuer`, or by itself. `extensions` are lines of an extension file. */
  issue(
    commonName: string,
    key: string,
    issuer?: Signer,
    extensions: readonly string[] = [],
    hash = 'sha256',
  ): Signer {
    const certificate = this.#path('crt');
    const request = this.#path('csr');
    const file = this.#path('ext');
    writeFileSync(file, extensions.join('\n'));
    openssl('req', '-new', '-key', key, '-subj', `/O=Works/CN=${commonName}`, '-out', request);
    const by = issuer === undefined ? ['-signkey', key] : ['-CA', issuer.certificate, '-CAkey', issuer.key];
    const serial = ['-set_serial', String(++this.#serial)];
    const about = ['-in', request, '-days', '30', `-${hash}`, '-extfile', file, '-out', certificate];
    openssl('x509', '-req', ...by, ...serial, ...about);
    return { key, certificate };
  }

  authority(commonName: string, issuer?: Signer, constraints = 'CA:TRUE'): Signer {
    return this.issue(commonName, this.key('P-256'), issuer, [`basicConstraints=critical,${constraints}`]);
  }

  /** Base64url of the signature over `input`: for ECDSA `r || s`, or as openssl makes it. */
  sign(input: string, key: string, alg: string, der = false): string {
    const path = this.#path('tbs');
    writeFileSync(path, input);
    const signature = openssl('dgst', `-${HASHES[alg] ?? 'sha256'}`, '-sign', key, path);
    const half = HALVES[alg];
    return (half === undefined || der ? signature : joinHalves(signature, half)).toString('base64url');
  }

  #path(extension: string): string {
    this.#serial += 1;
    return join(this.directory, `${this.#serial}.${extension}`);
  }
}

export function x5c(...signers: readonly Signer[]): readonly string[] {
  return signers.map((signer) => pem(signer).replace(/-----[A-Z ]+-----|\n/g, ''));
}

export function pem(...signers: readonly Signer[]): string {
  return signers.map(({ certificate }) => readFileSync(certificate, 'utf8')).join('');
}

function openssl(...args: readonly string[]): Buffer {
  return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** ASN.1 SEQUENCE of two INTEGERs → both of them as unsigned numbers of `half` bytes. */
function joinHalves(der: Buffer, half: number): Buffer {
  let at = (der[1] ?? 0) > 0x80 ? 3 : 2;
  const halves = [0, 1].map(() => {
    const length = der[at + 1] ?? 0;
    const number = der.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    return Buffer.concat([Buffer.alloc(half), number]).subarray(-half);
  });
  return Buffer.concat(halves);
}
