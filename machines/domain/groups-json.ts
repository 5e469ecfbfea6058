/** The groups of `device.json` or of the legacy `groups.json` (state format §5, §16). */

import type { JsonNode } from './json-node.ts';
import { nameFault } from './names.ts';
import type { Report } from './problem.ts';
import { autoRecovery, MAX_SECONDS, numberIn } from './recovery-json.ts';
import type { GroupSpec } from './revision.ts';
import {
  defaulted,
  found,
  list,
  oneOf,
  optional,
  quoted,
  record,
  required,
  type Shape,
  text,
} from './shape.ts';

export const statusGoal = oneOf(['MOUNTED', 'STARTED', 'READY']);
export const restartPolicy = oneOf(['system', 'container']);

/** No directory is named after a group, but lines of logs, terminals and runtime configurations show it. */
const groupName = text(
  'a non-empty name in one line',
  { minLength: 1, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$' },
  (name) => {
    if (/\p{Cc}/u.test(name)) return 'the name contains a control character';
    return name === '' || name in Object.prototype ? nameFault(name) : undefined;
  },
);

/** A non-negative integer or a string holding one (S-18). */
const timeout: Shape<number> = {
  wants: 'a whole number of seconds from 0',
  schema: {
    anyOf: [
      { type: 'integer', minimum: 0, maximum: MAX_SECONDS },
      { type: 'string', pattern: '^[0-9]+$' },
    ],
  },
  fits: (node) => node.kind === 'number' || node.kind === 'string',
  read(node, report, spec) {
    const seconds = numberIn(node);
    if (seconds !== undefined && Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_SECONDS) {
      return seconds;
    }
    const wants = `a whole number of seconds from 0 to ${MAX_SECONDS}`;
    report.problem(node, spec, `${found(node)} is not ${wants}`, `Write ${wants}`);
    return undefined;
  },
};

const group = record({
  name: required('§5.2', 'Name, unique among the groups', groupName, ''),
  description: optional('§5.2', 'For people; has no effect', { ...text('a string'), read: () => undefined }),
  status_goal: defaulted('§5.2', 'Status its containers have to reach', statusGoal, 'STARTED'),
  restart_policy: defaulted('§5.2', 'Whether a change needs a reboot', restartPolicy, 'container'),
  timeout: optional('§5.2, S-18', 'Seconds a container has to reach its goal', timeout),
  auto_recovery: optional('§8.9', 'Recovery of containers without their own', autoRecovery),
});

export const groupList = list(group, 1);

/** The groups in start order, or undefined after telling why there are none. */
export function readGroups(node: JsonNode, report: Report): readonly GroupSpec[] | undefined {
  const names = new Set<string>();
  return groupList.read(node, report, '§5.2')?.map((values) => {
    const { name } = values;
    if (name !== '' && names.has(name)) {
      const at = values.source.members.get('name') ?? values.source;
      report.problem(
        at,
        '§5.2, S-40',
        `a second group is named ${quoted(name)}`,
        'Give each group its own name',
      );
    }
    names.add(name);
    return {
      name,
      statusGoal: values.status_goal,
      restartPolicy: values.restart_policy,
      goalTimeoutMs: values.timeout === undefined ? undefined : values.timeout * 1000,
      recovery: values.auto_recovery,
    };
  });
}
