/** `remount` policies of the device and of containers (state format §18): options laid over mounted paths. */

import type { JsonNode } from './json-node.ts';
import type { Report } from './problem.ts';
import type { RemountPolicies, RemountRule } from './revision.ts';
import { found, quoted, refuseDuplicates, type Shape, tolerant } from './shape.ts';

const BASE = ['bind', 'move', 'shared', 'slave', 'private', 'unbindable'];
const WORDS: ReadonlySet<string> = new Set([
  ...'ro rw nosuid suid nodev dev noexec exec sync async dirsync atime noatime diratime nodiratime'.split(
    ' ',
  ),
  ...'relatime norelatime strictatime nostrictatime lazytime nolazytime nosymfollow mand nomand'.split(' '),
  ...['loud', ...BASE, ...BASE.map((word) => `r${word}`)],
]);

/** One rule: of an object with one key, a pattern, the value is a comma list of options. */
function readRule(node: JsonNode, report: Report, spec: string): readonly RemountRule[] {
  const [first] = node.kind === 'object' ? node.members : [];
  if (node.kind !== 'object' || first === undefined) {
    report.warn(
      node,
      spec,
      `${found(node)} is no rule and ignored`,
      'Write an object such as {"/srv": "ro"}',
    );
    return [];
  }
  const [pattern, value] = first;
  if (node.members.size > 1) {
    report.warn(
      node,
      spec,
      `only the first key, ${quoted(pattern)}, counts`,
      'Write one object for each path',
    );
  }
  if (value.kind !== 'string') {
    report.warn(
      value,
      spec,
      `expected a list of options, found ${found(value)}`,
      'Write a text such as "ro,noexec"',
    );
    return [];
  }
  const options = value.value.split(',').filter((word) => WORDS.has(word));
  const strange = value.value.split(',').filter((word) => !WORDS.has(word));
  if (strange.length > 0) {
    const reason = `${strange.map(quoted).join(', ')} ${strange.length > 1 ? 'are no mount options' : 'is no mount option'}`;
    report.warn(value, spec, `${reason} and ignored`, 'Write words such as ro, noexec, nosuid, nodev');
  }
  return [{ pattern, options }];
}

/** Policy name → rules. */
export const remount: Shape<RemountPolicies> = tolerant({
  wants: 'an object',
  schema: {
    type: 'object',
    additionalProperties: {
      type: 'array',
      items: { type: 'object', minProperties: 1, maxProperties: 1, additionalProperties: { type: 'string' } },
    },
  },
  fits: (node) => node.kind === 'object',
  read(node, report, spec) {
    const policies = new Map<string, readonly RemountRule[]>();
    if (node.kind !== 'object') return policies;
    refuseDuplicates(node, report);
    for (const [name, value] of node.members) {
      if (value.kind !== 'array') {
        report.warn(value, spec, `expected an array, found ${found(value)}; it is ignored`, 'Write an array');
      } else
        policies.set(
          name,
          value.items.flatMap((item) => readRule(item, report, spec)),
        );
    }
    return policies;
  },
});

/** The policy in force. */
export function remountPolicy(environment: Readonly<Record<string, string | undefined>>): string {
  return environment['PV_REMOUNT_POLICY'] ?? environment['pv_remount_policy'] ?? 'default';
}

/** The rules of one policy for one container: those of the device first, then its own (S-31). */
export function remountRules(
  policy: string,
  device: RemountPolicies,
  container: RemountPolicies,
): readonly RemountRule[] {
  return [...(device.get(policy) ?? []), ...(container.get(policy) ?? [])];
}
