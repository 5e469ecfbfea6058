/** JSON text → ContainerRecord. Every field is checked, because a torn or foreign record must not become a chart. */

import type { Fault, FaultCode } from '../../machines/domain/fault.ts';
import type { ContainerRecord, Intent } from '../../machines/domain/record.ts';
import type { Exit } from '../../machines/domain/recovery.ts';
import { STATUSES, type StopReason } from '../../machines/domain/status.ts';

type Key = keyof ContainerRecord | keyof Fault | 'kind' | 'signal';
type Fields = Readonly<Partial<Record<Key, unknown>>>;

const INTENTS = ['run', 'restart', 'stopByUser', 'stopBySystem'] as const satisfies readonly Intent[];
const REASONS = ['user', 'gaveUp', 'finished', 'failed', 'system'] as const satisfies readonly StopReason[];

/** @throws Error that names the first field that is wrong */
export function parseRecord(text: string): ContainerRecord {
  const fields = asFields(JSON.parse(text), 'record');
  return {
    name: asString(fields, 'name'),
    status: asOneOf(fields, 'status', STATUSES),
    since: asNumber(fields, 'since'),
    intent: asOneOf(fields, 'intent', INTENTS),
    stopReason: fields.stopReason === undefined ? undefined : asOneOf(fields, 'stopReason', REASONS),
    pid: asPid(fields),
    startedAt: asOptionalNumber(fields, 'startedAt'),
    goalDeadlineAt: asOptionalNumber(fields, 'goalDeadlineAt'),
    signalled: asBoolean(fields, 'signalled'),
    reached: asBoolean(fields, 'reached'),
    stableAt: asOptionalNumber(fields, 'stableAt'),
    retries: asNumber(fields, 'retries'),
    retryAt: asOptionalNumber(fields, 'retryAt'),
    killAt: asOptionalNumber(fields, 'killAt'),
    lastExit: fields.lastExit === undefined ? undefined : asExit(fields.lastExit),
    fault: fields.fault === undefined ? undefined : asFault(fields.fault),
  };
}

function asExit(value: unknown): Exit {
  const fields = asFields(value, 'lastExit');
  const kind = asOneOf(fields, 'kind', ['code', 'signal', 'unknown', 'startFailed'] as const);
  switch (kind) {
    case 'code':
      return { kind, code: asNumber(fields, 'code') };
    case 'signal':
      return { kind, signal: asString(fields, 'signal') };
    case 'unknown':
      return { kind };
    case 'startFailed':
      return { kind, fault: asFault(fields.fault) };
    default:
      return kind satisfies never;
  }
}

function asFault(value: unknown): Fault {
  const fields = asFields(value, 'fault');
  const optional = (key: 'subject' | 'errno' | 'fix') =>
    fields[key] === undefined ? {} : { [key]: asString(fields, key) };
  return {
    // Codes are shown, never branched on when they come out of a record: an older supervisor's code is welcome.
    code: asString(fields, 'code') as FaultCode,
    message: asString(fields, 'message'),
    ...optional('subject'),
    ...optional('errno'),
    ...optional('fix'),
  };
}

/** Never a pid that would signal a whole process group, or init. */
function asPid(fields: Fields): number | undefined {
  const pid = asOptionalNumber(fields, 'pid');
  if (pid !== undefined && (!Number.isSafeInteger(pid) || pid <= 1))
    throw new Error(`pid ${pid} is impossible`);
  return pid;
}

function asFields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null) throw new Error(`${what} is no object`);
  return value as Fields;
}

function asString(fields: Fields, key: Key): string {
  const value = fields[key];
  if (typeof value !== 'string') throw new Error(`${key} is no text`);
  return value;
}

function asNumber(fields: Fields, key: Key): number {
  const value = fields[key];
  if (typeof value !== 'number') throw new Error(`${key} is no number`);
  return value;
}

function asOptionalNumber(fields: Fields, key: Key): number | undefined {
  return fields[key] === undefined ? undefined : asNumber(fields, key);
}

function asBoolean(fields: Fields, key: Key): boolean {
  const value = fields[key];
  if (typeof value !== 'boolean') throw new Error(`${key} is neither true nor false`);
  return value;
}

function asOneOf<T extends string>(fields: Fields, key: Key, allowed: readonly T[]): T {
  const value = allowed.find((candidate) => candidate === fields[key]);
  if (value === undefined) throw new Error(`${key} is none of ${allowed.join(', ')}`);
  return value;
}
