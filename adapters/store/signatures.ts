/** Verifies the signatures of a state (storage §13). What is signed is decided in `machines/domain/signature.ts`, with
 *  which key it is checked in `signatures-keys.ts`. Node's own cryptography does the rest: it takes the signing input as it
 *  is, and is in the device's one file already. */

import type { Signatures } from '../../actors/update-ports.ts';
import { type Fault, SupervisorError, toFault } from '../../machines/domain/fault.ts';
import { MESSAGES } from '../../machines/domain/progress.ts';
import {
  type FoundDocument,
  MEASURES,
  mayBeSigned,
  openSigned,
  type SecurebootMode,
  type SignatureFault,
  type SignedState,
} from '../../machines/domain/signature.ts';
import { isBase64Url, readHeader } from '../../machines/domain/signature-header.ts';
import { Distrust } from './signatures-chain.ts';
import { createTrust, type Trust, type TrustOptions } from './signatures-keys.ts';
import { requireKind, requireSignature } from './signatures-verify.ts';

export interface SignatureOptions extends TrustOptions {
  /** `PV_SECUREBOOT_MODE`. */
  readonly mode: SecurebootMode;
}

/** Keys named in one message. */
const SHOWN_KEYS = 5;

export function createSignatures(options: SignatureOptions): Signatures {
  const { mode, complain } = options;
  const { badSignature, uncovered } = MEASURES[mode];

  return {
    async check(text) {
      if (badSignature === 'accept') return;
      if (uncovered === 'accept' && !mayBeSigned(text)) return;
      const state = openSigned(text);
      if (state === undefined) throw refusal(MESSAGES.badFormat, undefined, 'The state is no JSON object');
      const trust = createTrust(options);
      let bad = 0;
      for (const found of state.documents()) {
        try {
          await checkDocument(found, state, trust, complain);
        } catch (error) {
          if (badSignature === 'refuse' || !(error instanceof SupervisorError)) throw error;
          bad += 1;
          complain(toFault(error));
        }
      }
      if (bad === 0 && uncovered !== 'accept') checkCoverage(state);
    },
  };

  function checkCoverage(state: SignedState): void {
    const keys = state.uncovered();
    if (keys.length === 0) return;
    const shown = keys.slice(0, SHOWN_KEYS).map((key) => JSON.stringify(key.slice(0, 200)));
    const more = keys.length > SHOWN_KEYS ? ` and ${keys.length - SHOWN_KEYS} more` : '';
    const fix = `No signature covers ${shown.join(', ')}${more}. Sign them, or exclude them in a signature`;
    const fault = refusal(MESSAGES.notCovered, keys[0], fix);
    if (uncovered === 'refuse') throw fault;
    complain(fault.fault);
  }
}

/** @throws REFUSED when the signature is not good */
async function checkDocument(
  found: FoundDocument,
  state: SignedState,
  trust: Trust,
  complain: (fault: Fault) => void,
): Promise<void> {
  if (found.kind === 'malformed') throw badDocument(found.key, found.fault);
  if (found.kind === 'incomplete') {
    const { key, fault } = found;
    complain({
      code: 'REFUSED',
      message: `signature ${key} is ignored: ${fault.reason}`,
      subject: key,
      fix: fault.fix,
    });
    return;
  }
  const { document } = found;
  const { key } = document;
  const read = readHeader(document.protected);
  if (!read.ok) {
    const [{ path = '$', reason = 'it cannot be read', fix = 'Sign the state again' } = {}] = read.problems;
    throw badDocument(key, { place: `protected header, ${path}`, reason, fix });
  }
  if (document.signature === '' || !isBase64Url(document.signature)) {
    const reason = 'the signature is not base64url';
    throw badDocument(key, { place: 'signature', reason, fix: 'Encode it without padding' });
  }
  const selected = state.select(read.header);
  if (!selected.ok) throw badDocument(key, selected.fault);
  const { selection } = selected;
  if (selection.size === 0) {
    const fix = 'Check its include patterns';
    complain({ code: 'REFUSED', message: `signature ${key} signs no entry of the state`, subject: key, fix });
  }
  try {
    const signer = await trust.keyFor(read.header, selection);
    requireKind(signer, read.header.alg);
    await requireSignature(document, read.header.alg, selection, signer);
  } catch (error) {
    if (!(error instanceof Distrust)) throw error;
    const { message: reason, fix } = error;
    throw badDocument(key, { place: `algorithm ${read.header.alg}`, reason, fix });
  }
}

function badDocument(key: string, { place, reason, fix }: SignatureFault): SupervisorError {
  return refusal(MESSAGES.signatureFailed, key, `${JSON.stringify(key)}, ${place}: ${reason}. ${fix}`);
}

function refusal(message: string, subject: string | undefined, fix: string): SupervisorError {
  return new SupervisorError('REFUSED', message, { fix, ...(subject === undefined ? {} : { subject }) });
}
