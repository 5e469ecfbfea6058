/** What Node does not show of an X.509 certificate: its extensions, and how it is signed. The certificate was parsed by
 *  the cryptography library before, so its DER form is sound; a reading outside of it is refused all the same. */

export interface Extension {
  /** Dotted object identifier below 2.5.29 (`2.5.29.19`), else the identifier's bytes in hexadecimal. */
  readonly id: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

interface Element {
  readonly tag: number;
  readonly body: Uint8Array;
}

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const OCTETS = 0x04;
const EXTENSIONS = 0xa3;

const NOTHING = new Uint8Array();

/** @throws RangeError for what is no certificate */
export function extensionsOf(certificate: Uint8Array): readonly Extension[] {
  const [tbs] = elements(only(certificate));
  const wrapped = elements(tbs?.body ?? NOTHING).find(({ tag }) => tag === EXTENSIONS);
  if (wrapped === undefined) return [];
  return elements(only(wrapped.body)).map(({ body }) => {
    const [id, ...rest] = elements(body);
    const critical = rest.some(({ tag, body: flag }) => tag === BOOLEAN && flag[0] !== 0);
    const value = rest.find(({ tag }) => tag === OCTETS)?.body ?? NOTHING;
    return { id: identifier(id?.body ?? NOTHING), critical, value };
  });
}

/** Object identifier of the algorithm that the certificate is signed with, in hexadecimal. @throws RangeError */
export function signatureAlgorithm(certificate: Uint8Array): string {
  const [, algorithm] = elements(only(certificate));
  const [id] = elements(algorithm?.body ?? NOTHING);
  return Buffer.from(id?.body ?? NOTHING).toString('hex');
}

/** How many certificates of authorities may stand between this one and the leaf; undefined for any number. */
export function pathLength(basicConstraints: Uint8Array): number | undefined {
  const limit = elements(only(basicConstraints)).find(({ tag }) => tag === INTEGER);
  return limit?.body.reduce((number, byte) => number * 256 + byte, 0);
}

/** The body of an element that is the whole of the bytes. */
function only(bytes: Uint8Array): Uint8Array {
  const [element] = elements(bytes);
  return element?.body ?? NOTHING;
}

function elements(bytes: Uint8Array): readonly Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = byteAt(bytes, at);
    let length = byteAt(bytes, at + 1);
    at += 2;
    if (length >= 0x80) {
      const size = length - 0x80;
      length = 0;
      for (const end = at + size; at < end; at += 1) length = length * 256 + byteAt(bytes, at);
    }
    if (at + length > bytes.length) throw new RangeError('an element is longer than what holds it');
    found.push({ tag, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError('an element ends early');
  return byte;
}

function identifier(bytes: Uint8Array): string {
  const [first, second, third] = bytes;
  if (bytes.length === 3 && first === 0x55 && second === 0x1d && third !== undefined)
    return `2.5.29.${third}`;
  return Buffer.from(bytes).toString('hex');
}
