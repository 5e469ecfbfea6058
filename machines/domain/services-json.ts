/** Services: what a container requires (`services` in run.json, state format §17.1) and what it offers
 *  (`<container>/services.json`, §17.2). Wrong JSON types are ignored, here with a warning. */

import type { JsonNode } from './json-node.ts';
import type { Report } from './problem.ts';
import type { ContainerSpec, ServiceExport, ServiceNeed } from './revision.ts';
import {
  defaulted,
  found,
  list,
  nonEmptyText,
  oneOf,
  optional,
  record,
  required,
  type Schema,
  type Shape,
  tolerant,
  withoutSource,
} from './shape.ts';

const TYPES = ['rest', 'dbus', 'unix', 'drm', 'wayland', 'input'] as const;

/** Another text is an unknown type, which matters to nobody but the mediator. */
const type: Shape<string> = {
  ...oneOf(TYPES),
  fits: () => true,
  read(node, report, spec) {
    const known = TYPES.find((word) => node.kind === 'string' && word === node.value);
    if (known !== undefined) return known;
    report.warn(node, spec, `${found(node)} is an unknown type and ignored`, `Write ${oneOf(TYPES).wants}`);
    return undefined;
  },
};
const word = tolerant(nonEmptyText);

const needFields = record({
  name: required('§17.1', 'Service to look for', nonEmptyText, ''),
  type: optional('§17.1', 'Protocol', type),
  role: optional('§17.1', 'Identity to present', word),
  interface: optional('§17.1', 'Interface of the protocol; absent: the name of the type', word),
  target: optional('§17.1', 'Path inside the container', word),
});

/** An object, or a bare string that is the name. */
const need: Shape<ServiceNeed> = {
  wants: 'an object or a name',
  schema: { anyOf: [{ type: 'string', minLength: 1 }, needFields.schema] },
  fits: (node) => node.kind === 'string' || node.kind === 'object',
  read(node, report, spec) {
    if (node.kind === 'string') {
      const name = nonEmptyText.read(node, report, spec);
      const nothing = { type: undefined, role: undefined, interface: undefined, target: undefined };
      return name === undefined ? undefined : { name, ...nothing };
    }
    const values = needFields.read(node, report, spec);
    return values && withoutSource(values);
  },
};
const needs = tolerant(list(tolerant(need)));

/** `services` of a run.json. */
export const services = tolerant(
  record({
    required: defaulted('§17.1', 'Services without which the revision cannot run', needs, []),
    optional: defaulted('§17.1', 'Services used when they are there', needs, []),
  }),
);

const exportFields = record({
  name: optional('§17.2', 'Name others look for', word),
  type: optional('§17.2', 'Protocol', type),
  socket: optional('§17.2', 'Socket inside the container', word),
  owns: optional('§17.2', 'Name owned on the hosted bus; name and socket do not count then', word),
  bus: optional('§17.2', 'Hosted bus', word),
  role: optional('§17.2', 'Identity on the hosted bus', word),
  allow: defaulted('§17.2', 'Who may talk to the owned name', tolerant(list(word)), []),
});
const exportList = list(tolerant(exportFields));

/** The list itself, or an object with the list under `services`. */
export const servicesFileSchema: Schema = {
  anyOf: [
    exportList.schema,
    { type: 'object', properties: { services: exportList.schema }, required: ['services'] },
  ],
};

/** The exports of one `<container>/services.json`. */
export function readExports(node: JsonNode, report: Report): readonly ServiceExport[] {
  const array = node.kind === 'object' ? node.members.get('services') : node;
  if (array === undefined) {
    report.warn({ node, missing: 'services' }, '§17.2', 'no services are listed', 'Add "services": an array');
    return [];
  }
  if (array.kind !== 'array') {
    const reason = `expected an array, found ${found(array)}; no services are offered`;
    report.warn(array, '§17.2', reason, 'Write an array of objects');
    return [];
  }
  return (exportList.read(array, report, '§17.2') ?? []).map((values) => {
    const entry = withoutSource(values);
    return entry.owns === undefined ? entry : { ...entry, name: undefined, socket: undefined };
  });
}

/** Required services that no container exports: the revision cannot start (§17.1). `hostedBus` offers `system-bus`. */
export function missingServices(
  containers: readonly ContainerSpec[],
  hostedBus: boolean,
): readonly { readonly container: string; readonly service: string }[] {
  const offered = new Set(containers.flatMap((spec) => spec.serviceExports.map((entry) => entry.name)));
  if (hostedBus) offered.add('system-bus');
  return containers.flatMap((spec) =>
    spec.services.required
      .filter((service) => !offered.has(service.name))
      .map((service) => ({ container: spec.name, service: service.name })),
  );
}
