/** Volumes: image files of containers and BSP (state format §9.1–§9.4) and `storage` entries (§9.5). */

import type { JsonNode, JsonObject } from './json-node.ts';
import { relativePathFault } from './names.ts';
import type { Report } from './problem.ts';
import type { Persistence, VolumeSpec } from './revision.ts';
import {
  found,
  nonEmptyText,
  optional,
  quoted,
  record,
  refuseDuplicates,
  type Schema,
  type Shape,
  text,
  tolerant,
} from './shape.ts';

export type ImageVolume = Extract<VolumeSpec, { kind: 'image' }>;
export type StorageVolume = Extract<VolumeSpec, { kind: 'storage' }>;

const PERSISTENCES = ['permanent', 'revision', 'boot'] as const;

/** `[handler:]file.extension`; a handler names a script, an extension the mount method. */
export const imageName: Shape<string> = text(
  'a file name with an extension, such as "root.squashfs" or "dm:root.squashfs"',
  {
    pattern:
      '^(?:[A-Za-z0-9][A-Za-z0-9_-]*:|(?!.*:))(?!(?:[^/]*/)*\\.{0,2}(?:/|$))' +
      '[^\\u0000-\\u001f\\u007f-\\u009f]*\\.[^./\\u0000-\\u001f\\u007f-\\u009f]+$',
  },
  (value) => {
    const { handler, file } = splitHandler(value);
    if (handler !== undefined && !/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(handler)) {
      return `the handler ${quoted(handler)} cannot name a script`;
    }
    return relativePathFault(file) ?? (extension(file) === '' ? 'the file name has no extension' : undefined);
  },
);

export function imageVolume(value: string, root: boolean): ImageVolume {
  const { handler, file } = splitHandler(value);
  return { kind: 'image', name: file, file, handler, format: extension(file), root };
}

function splitHandler(value: string): { handler: string | undefined; file: string } {
  const colon = value.indexOf(':');
  if (colon === -1) return { handler: undefined, file: value };
  return { handler: value.slice(0, colon), file: value.slice(colon + 1) };
}

function extension(file: string): string {
  const base = file.slice(file.lastIndexOf('/') + 1);
  const dot = base.lastIndexOf('.');
  return dot === -1 ? '' : base.slice(dot + 1);
}

const persistence: Shape<Persistence> = {
  wants: PERSISTENCES.map(quoted).join(', '),
  schema: { enum: PERSISTENCES },
  fits: () => true,
  read(node, report, spec) {
    const known = PERSISTENCES.find((word) => node.kind === 'string' && word === node.value);
    if (known === undefined) {
      report.warn(node, spec, `${found(node)} is read as "boot"`, `Write one of ${persistence.wants}`);
    }
    return known ?? 'boot';
  },
};

const entry = tolerant(
  record({
    persistence: optional('§9.5, S-16', 'How long the data lives', persistence),
    disk: optional('§9.5', 'Name or alias of a disk; absent: the default disk', nonEmptyText),
  }),
  'there is no such volume',
);

/** What makes an object a `storage` of a container or the `volumes` of `device.json`. */
export const storageSchema: Schema = {
  type: 'object',
  additionalProperties: { ...entry.schema, required: ['persistence'] },
};

/** A volume, and where later findings about its disk belong. */
export interface PlacedVolume {
  readonly volume: StorageVolume;
  readonly source: JsonNode;
}

/** The volumes of an object, in document order. Names are kept as written, less slashes around them: a literal path
 *  such as `etc/example/` is in use (§9.6). */
export function readStorage(node: JsonObject, report: Report): readonly PlacedVolume[] {
  refuseDuplicates(node, report);
  const volumes: PlacedVolume[] = [];
  for (const [key, value] of node.members) {
    const name = key.replace(/^\/+|\/+$/g, '');
    const fault = relativePathFault(name);
    if (fault !== undefined) report.keyProblem(value, '§9.5', fault, 'Write a name such as "lxc-overlay"');
    const values = entry.read(value, report, '§9.5');
    if (values === undefined) continue;
    if (values.persistence === undefined) {
      const fix = `Add "persistence": one of ${persistence.wants}`;
      report.warn(value, '§9.5, S-16', `the volume ${quoted(key)} has no persistence and is ignored`, fix);
      continue;
    }
    const volume = { kind: 'storage', name, persistence: values.persistence, disk: values.disk } as const;
    volumes.push({ volume, source: value.kind === 'object' ? (value.members.get('disk') ?? value) : value });
  }
  return volumes;
}
