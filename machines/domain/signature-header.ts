/** The protected header of a signature document: how it is decoded and what it must say (storage §13.2, state format
 *  §19, R-11). Whether the signature is good is for `adapters/store/signatures.ts`. */

import { readJson } from './json-text.ts';
import { type Problem, Report } from './problem.ts';
import { list, oneOf, optional, record, required, type Shape, text } from './shape.ts';

export type SignatureAlgorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512';

export interface SignatureHeader {
  readonly alg: SignatureAlgorithm;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Certificates as base64 of DER, leaf first; undefined when the device's own key is meant. */
  readonly x5c: readonly string[] | undefined;
}

export type HeaderRead =
  | { readonly ok: true; readonly header: SignatureHeader }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Far above a chain of ten certificates and hundreds of patterns. */
export const MAX_HEADER_BYTES = 256 * 1024;
/** Longer chains are refused, not followed. */
export const MAX_CHAIN = 10;

const SECTION = '§19';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const BASE64URL = /^[A-Za-z0-9_-]*$/;

const certificate = text('a certificate as standard base64 of its DER form', {}, (value) =>
  value.length % 4 === 0 && BASE64.test(value) ? undefined : 'the certificate is not standard base64',
);

const patterns: Shape<readonly string[]> = list(text('a pattern'));

const selection = record({
  include: required(SECTION, 'Patterns of the signed entries', patterns, []),
  exclude: required(SECTION, 'Patterns of entries that are left out', patterns, []),
});

/** Other members are ignored, `jwk` among them: the key comes from the device or through its trust store. */
const header = record({
  typ: required(SECTION, 'What is signed', oneOf(['PVS']), 'PVS'),
  alg: required(SECTION, 'How it is signed', oneOf(['RS256', 'ES256', 'ES384', 'ES512']), 'RS256'),
  pvs: optional(SECTION, 'Which entries are signed', selection),
  x5c: optional(SECTION, 'Chain of certificates', list(certificate, 1)),
});

/** Decodes the base64url text of a header. Problems name their place in the header: `$.pvs.include[0]`. */
export function readHeader(encoded: string): HeaderRead {
  const report = new Report();
  const json = decodeText(encoded);
  if (json === undefined) {
    const reason = 'the header is not base64url of a UTF-8 text';
    report.textProblem(atStart(reason, 'Encode it without padding, white space, "+" and "/"'));
    return { ok: false, problems: report.settle('').problems };
  }
  const read = readJson(json, { maxBytes: MAX_HEADER_BYTES });
  if (!read.ok) {
    report.textProblem({ ...read.fault, node: read.fault.parent, spec: SECTION });
    return { ok: false, problems: report.settle(json).problems };
  }
  const values = header.read(read.root, report, SECTION);
  if (values !== undefined && values.pvs === undefined && !values.source.members.has('pvs')) {
    const fix = 'Add "pvs": {"include": [...], "exclude": [...]}';
    report.problem({ node: values.source, missing: 'pvs' }, SECTION, '"pvs" is missing', fix);
  }
  const chain = values?.source.members.get('x5c');
  if (chain !== undefined && (values?.x5c?.length ?? 0) > MAX_CHAIN) {
    const fix = 'Leave out certificates that do not lead to the trust store';
    report.problem(chain, SECTION, `the chain has more than ${MAX_CHAIN} certificates`, fix);
  }
  const { problems } = report.settle(json);
  if (values?.pvs === undefined || problems.length > 0) return { ok: false, problems };
  const { alg, x5c, pvs } = values;
  return { ok: true, header: { alg, x5c, include: pvs.include, exclude: pvs.exclude } };
}

/** Whether a text is base64url without padding. */
export function isBase64Url(value: string): boolean {
  return value.length % 4 !== 1 && BASE64URL.test(value);
}

function decodeText(encoded: string): string | undefined {
  if (!isBase64Url(encoded)) return undefined;
  const binary = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = binary.charCodeAt(at);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function atStart(reason: string, fix: string) {
  return { offset: 0, node: undefined, step: undefined, reason, fix, spec: SECTION };
}
