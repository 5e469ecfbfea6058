/** `logs` of a container: the files that are followed inside it (state format §10). */

import { defaultLoggers } from './defaults.ts';
import type { JsonNode } from './json-node.ts';
import { absolutePath } from './names.ts';
import type { Report } from './problem.ts';
import { numberIn } from './recovery-json.ts';
import type { LoggerSpec } from './revision.ts';
import { defaulted, found, nonEmptyText, optional, record, type Shape, type ValueOf } from './shape.ts';

const DEFAULT_FILE = '/var/log/messages';

/** Becomes a path below the log directory, so it must not lead out of it; a relative one is dropped later. */
const file: Shape<string> = {
  ...absolutePath,
  read(node, report, spec) {
    const relative = node.kind === 'string' && !node.value.startsWith('/');
    return relative ? nonEmptyText.read(node, report, spec) : absolutePath.read(node, report, spec);
  },
};

const truth: Shape<boolean> = {
  wants: 'true or false',
  schema: { enum: [true, false, 'true', 'false'] },
  fits: () => true,
  read(node, report, spec) {
    const value = node.kind === 'word' || node.kind === 'string' ? String(node.value) : '';
    if (value !== 'true' && value !== 'false') {
      report.warn(node, spec, `${found(node)} is read as false`, 'Write true or false');
    }
    return value === 'true';
  },
};

const size: Shape<number> = {
  wants: 'a number of bytes from 1',
  schema: {
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'string', pattern: '^0*[1-9][0-9]*$' },
    ],
  },
  fits: () => true,
  read(node, report, spec) {
    const bytes = numberIn(node);
    if (bytes !== undefined && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
    report.warn(
      node,
      spec,
      `${found(node)} is no number of bytes; the file is not truncated`,
      `Write ${size.wants}`,
    );
    return undefined;
  },
};

const anything: Shape<true> = { wants: '"enable"', schema: {}, fits: () => true, read: () => true };

const logger = record({
  file: optional('§10', 'File inside the container', file),
  name: optional('§10', 'Name of the log; absent: that of the container', nonEmptyText),
  truncate: defaulted('§10, S-49', 'Empty the file when it reaches maxsize', truth, false),
  maxsize: optional('§10', 'Bytes; counts when truncate is true', size),
  lxc: optional('§10', 'Legacy: the log of LXC, which is always kept', anything),
  console: optional('§10', 'Legacy: the console, which is always kept', anything),
});

/** An array of non-empty objects. */
export const logsSchema = {
  type: 'array',
  default: [],
  items: { ...logger.schema, minProperties: 1 },
};

/** The listed files, then the default ones that no entry names (S-47). */
export function readLoggers(
  node: JsonNode | undefined,
  container: string,
  report: Report,
): readonly LoggerSpec[] {
  const listed = node === undefined ? [] : listedLoggers(node, container, report);
  const files = new Set(listed.map((spec) => spec.file));
  return [...listed, ...defaultLoggers(container).filter((spec) => !files.has(spec.file))];
}

function listedLoggers(node: JsonNode, container: string, report: Report): readonly LoggerSpec[] {
  if (node.kind !== 'array') {
    report.problem(node, '§10', `expected an array, found ${found(node)}`, 'Write an array of objects');
    return [];
  }
  return node.items.flatMap((item) => {
    if (item.kind === 'object' && item.members.size === 0) {
      report.problem(item, '§10', 'the logger is an empty object', 'Add "file", or remove the entry');
      return [];
    }
    const values = logger.read(item, report, '§10');
    return values === undefined ? [] : loggerOf(values, container, report);
  });
}

function loggerOf(values: ValueOf<typeof logger>, container: string, report: Report): readonly LoggerSpec[] {
  const legacy = values.lxc !== undefined || values.console !== undefined;
  if (legacy && values.file === undefined) return [];
  const path = values.file ?? DEFAULT_FILE;
  if (!path.startsWith('/')) {
    const at = values.source.members.get('file') ?? values.source;
    report.warn(at, '§10', 'the path is not absolute, so nothing can be followed', 'Start it with "/"');
    return [];
  }
  if (values.truncate && values.maxsize === undefined && !values.source.members.has('maxsize')) {
    report.warn(
      values.source,
      '§10',
      'without "maxsize" the file is never truncated',
      'Add "maxsize" in bytes',
    );
  }
  const maxSizeBytes = values.truncate ? values.maxsize : undefined;
  return [{ file: path, name: values.name ?? container, truncate: values.truncate, maxSizeBytes }];
}
