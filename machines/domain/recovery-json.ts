/** `auto_recovery` of a group or a container (state format §8.9). */

import type { JsonNode } from './json-node.ts';
import type { Report } from './problem.ts';
import type { Backoff, RecoveryPolicy } from './revision.ts';
import { defaulted, found, quoted, record, type Shape, tolerant } from './shape.ts';

const POLICIES = ['no', 'always', 'on-failure', 'unless-stopped'] as const;
/** Milliseconds of more seconds than this are no exact integers. */
export const MAX_SECONDS = Math.floor(Number.MAX_SAFE_INTEGER / 1000);

/** A JSON number, or a string holding one (S-43); undefined for anything else. */
export function numberIn(node: JsonNode): number | undefined {
  if (node.kind === 'number') return node.value;
  if (node.kind === 'string' && /^-?[0-9]+(\.[0-9]+)?$/.test(node.value)) return Number(node.value);
  return undefined;
}

/** A count or a number of seconds: whole, from 0; whatever is not is warned about. */
function wholeNumber(max: number): Shape<number> {
  const wants = 'a whole number from 0';
  return {
    wants,
    schema: {
      anyOf: [
        { type: 'integer', minimum: 0, maximum: max },
        { type: 'string', pattern: '^[0-9]+$' },
      ],
    },
    fits: (node) => numberIn(node) !== undefined,
    read(node, report, spec) {
      const value = numberIn(node) ?? 0;
      const used = Math.min(Math.max(Math.trunc(value), 0), max);
      if (used !== value) report.warn(node, spec, `${found(node)} is read as ${used}`, `Write ${wants}`);
      return used;
    },
  };
}

const factor: Shape<number> = {
  wants: 'a number from 0',
  schema: {
    anyOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?$' },
    ],
  },
  fits: (node) => Number.isFinite(numberIn(node)),
  read(node, report, spec) {
    const value = numberIn(node) ?? 0;
    if (value < 0) report.warn(node, spec, `${value} is read as 0`, 'Write a number from 0');
    return Math.max(value, 0);
  },
};

const policy: Shape<RecoveryPolicy['policy']> = {
  wants: `one of ${POLICIES.map(quoted).join(', ')}`,
  schema: { enum: POLICIES },
  fits: (node) => node.kind === 'string' && POLICIES.some((known) => known === node.value),
  read: (node) => POLICIES.find((known) => node.kind === 'string' && known === node.value),
};

const UNIT_SECONDS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['s', 1],
  ['min', 60],
  ['h', 3600],
]);

/** `reboot`, `never` or a duration: a positive integer with no suffix, `s`, `min` or `h` (S-21). */
const backoff: Shape<Backoff> = {
  wants: '"reboot", "never" or a duration such as "30s", "10min", "2h"',
  schema: {
    anyOf: [
      { type: 'string', pattern: '^(reboot|never|0*[1-9][0-9]*(s|min|h)?)$' },
      { type: 'integer', minimum: 1, maximum: MAX_SECONDS },
    ],
  },
  fits: (node) => backoffIn(node) !== undefined,
  read: (node) => backoffIn(node),
};

function backoffIn(node: JsonNode): Backoff | undefined {
  if (node.kind !== 'string' && node.kind !== 'number') return undefined;
  const written = String(node.value);
  if (written === 'reboot' || written === 'never') return { kind: written };
  const [, digits, unit] = /^([0-9]+)(s|min|h)?$/.exec(written) ?? [];
  const seconds = Number(digits) * (UNIT_SECONDS.get(unit ?? '') ?? 1);
  return seconds > 0 && seconds <= MAX_SECONDS ? { kind: 'wait', delayMs: seconds * 1000 } : undefined;
}

const SPEC = '§8.9';
const counted = tolerant(wholeNumber(Number.MAX_SAFE_INTEGER), 'it is read as 0');
const seconds = tolerant(wholeNumber(MAX_SECONDS), 'it is read as 0');

const fields = record({
  policy: defaulted(
    SPEC,
    'When a container that exited is restarted',
    tolerant(policy, 'it is read as "no"'),
    'no',
  ),
  max_retries: defaulted(SPEC, 'Restarts before the backoff policy takes over; 0 = unlimited', counted, 0),
  retry_delay: defaulted(SPEC, 'Seconds before the first restart', seconds, 0),
  backoff_factor: defaulted(SPEC, 'Above 1: multiplies the delay with each retry', tolerant(factor), 1),
  reset_window: defaulted(SPEC, 'Seconds of uptime that reset the retry counter; 0 = never', seconds, 0),
  stable_timeout: defaulted(SPEC, 'Seconds at the goal until it counts as stable; 0 = at once', seconds, 0),
  backoff_policy: defaulted(
    `${SPEC}, S-21`,
    'What follows when the retries are spent',
    tolerant(backoff, 'it is read as "reboot"'),
    { kind: 'reboot' },
    'reboot',
  ),
});

const recovery: Shape<RecoveryPolicy> = {
  ...fields,
  read(node: JsonNode, report: Report, spec: string) {
    const values = fields.read(node, report, spec);
    return (
      values && {
        policy: values.policy,
        maxRetries: values.max_retries,
        retryDelayMs: values.retry_delay * 1000,
        backoffFactor: values.backoff_factor,
        resetWindowMs: values.reset_window * 1000,
        stableTimeoutMs: values.stable_timeout * 1000,
        backoff: values.backoff_policy,
      }
    );
  },
};

/** Anything but an object is warned about and counts as absent. */
export const autoRecovery: Shape<RecoveryPolicy> = tolerant(recovery);
