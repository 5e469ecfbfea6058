/** `<container>/mdev.json` (state format §22): which device nodes the container gets, as rules in the words of busybox'
 *  mdev. Who makes the nodes, and when, is in `adapters/host/lxc-devices.ts`.
 *
 *  To the state it is an ordinary file, so nothing wrong in it refuses the state: a rule that mdev would stumble over is
 *  left out with a warning that says why (R-11). */

import type { JsonNode } from './json-node.ts';
import type { Report } from './problem.ts';
import { defaulted, found, list, quoted, record, type Shape, tolerant } from './shape.ts';

/** `[-][ENV=regex;]…REGEX USER:GROUP MODE [>PATH|=PATH|!] [@COMMAND|$COMMAND|*COMMAND]` */
const RULE = /^(\S+)\s+(\S+)\s+(\S+)(?:\s+([>=!]\S*))?(?:\s+(\S.*))?$/;
const OWNER = /^[\w.-]+:[\w.-]+$/;
const MODE = /^(?:[0-7]{1,4}|[ugoa]*[-+=][rwxst]*(?:,[ugoa]*[-+=][rwxst]*)*)$/;
const WANTS = 'a rule such as "ttyUSB.* 0:0 660"';

const rule: Shape<string> = tolerant({
  wants: WANTS,
  schema: { type: 'string', pattern: '^-?\\S+\\s+\\S+:\\S+\\s+\\S+' },
  fits: (node) => node.kind === 'string',
  read(node, report, spec) {
    if (node.kind !== 'string') return undefined;
    const text = node.value.trim();
    const fault = ruleFault(text);
    if (fault === undefined) return text;
    report.warn(node, spec, `${fault}; the rule is ignored`, `Write ${WANTS}`);
    return undefined;
  },
});

const fields = record({
  rules: defaulted('§22', 'The first rule that fits a device decides', tolerant(list(rule)), []),
});
export const mdevSchema = fields.schema;

/** The rules, in order; undefined when there are none to go by. An empty list is one: then every device gets a node
 *  with mdev's own defaults, as those have that no rule fits. */
export function readDeviceRules(node: JsonNode, report: Report): readonly string[] | undefined {
  if (node.kind === 'object') return fields.read(node, report, '§22')?.rules;
  const reason = `expected an object with rules, found ${found(node)}; no device nodes are made`;
  report.warn(node, '§22', reason, 'Write the file itself: {"rules": ["ttyUSB.* 0:0 660"]}');
  return undefined;
}

/** Why mdev could not go by it. A comment is no rule: nobody would read it. */
function ruleFault(text: string): string | undefined {
  if (/\p{Cc}/u.test(text.replaceAll('\t', ' '))) return 'the rule is not one line';
  const [, match = '', owner = '', mode = '', place, command] = RULE.exec(text) ?? [];
  if (match === '') return `${quoted(text)} has no device, owner and mode`;
  if (match.startsWith('#')) return `${quoted(text)} is a comment`;
  if (!OWNER.test(owner)) return `${quoted(owner)} is no USER:GROUP`;
  if (!MODE.test(mode)) return `${quoted(mode)} is no mode`;
  if (place !== undefined && !isBelowDev(place)) return `${quoted(place)} leads out of /dev`;
  if (command !== undefined && !/^[@$*]\s*\S/.test(command)) {
    return `${quoted(command)} is neither a place (>, =, !) nor a command (@, $, *)`;
  }
  return matchFault(match);
}

/** Names below /dev only: mdev would take `..` and absolute paths at their word. */
function isBelowDev(place: string): boolean {
  const path = place.slice(1);
  if (place.startsWith('!')) return path === '';
  return path !== '' && !path.startsWith('/') && !path.split('/').includes('..');
}

/** One expression that does not compile makes mdev give up on all rules. */
function matchFault(match: string): string | undefined {
  const expressions = match
    .replace(/^-/, '')
    .split(';')
    .map((part) => part.replace(/^\$?[A-Za-z_]\w*=/, ''));
  const device = expressions.at(-1) ?? '';
  if (device.startsWith('@')) {
    const numbers = /^@\d+,\d+(?:-\d+)?$/.test(device);
    return numbers ? undefined : `${quoted(device)} is no @MAJOR,MINOR or @MAJOR,FIRST-LAST`;
  }
  const broken = expressions.find((expression) => expression === '' || !compiles(expression));
  return broken === undefined ? undefined : `${quoted(broken)} is no regular expression`;
}

/** Never run here. What mdev reads is POSIX; what breaks one kind of expression breaks the other. */
function compiles(expression: string): boolean {
  try {
    return new RegExp(expression) instanceof RegExp;
  } catch {
    return false;
  }
}
