/** The JSON Schema of a state for editors and other tools, made of the definitions that `parseState` reads with.
 *  It says what one file of the state can be by itself; what concerns several (groups that exist, names that agree
 *  with directories) only the parser knows. It is stricter where the parser would warn. */

import { bspSchema, driversSchema } from './bsp-json.ts';
import { containerSchema } from './container-json.ts';
import { deviceSchema, disksFileSchema, groupsFileSchema } from './device-json.ts';
import { mdevSchema } from './mdev-json.ts';
import { PATH_PATTERN } from './names.ts';
import { servicesFileSchema } from './services-json.ts';
import type { Schema } from './shape.ts';
import { OBJECT_ID_PATTERN } from './state-files.ts';
import { STATE_FORMAT } from './state-json.ts';

/** A directory that can hold a container (S-48). */
const DIRECTORY = '(?!_|bsp/)[^/]+';

/** JSON Schema, draft 2020-12. */
export function stateSchema(): Schema {
  const files = (schema: Schema, description: string): Schema => ({ description, ...schema });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'State of a revision',
    description: 'One flat object: file paths and what they hold (state format §1)',
    type: 'object',
    required: ['#spec'],
    propertyNames: { pattern: PATH_PATTERN },
    properties: {
      '#spec': { const: STATE_FORMAT, description: 'Format of the state (state format §2)' },
      'device.json': files(deviceSchema, 'Groups, disks, volumes, network (state format §15)'),
      'groups.json': files(groupsFileSchema, 'Legacy: groups (state format §16)'),
      'disks.json': files(disksFileSchema, 'Legacy: disks (state format §16)'),
      'disks_v3.json': files(disksFileSchema, 'Legacy: disks (state format §16)'),
      'bsp/run.json': files(bspSchema, 'Kernel, firmware, modules (state format §13)'),
      'bsp/drivers.json': files(driversSchema, 'Drivers of the board (state format §12.1)'),
    },
    patternProperties: {
      [`^${DIRECTORY}/run\\.json$`]: files(containerSchema, 'A container (state format §8)'),
      [`^${DIRECTORY}/services\\.json$`]: files(
        servicesFileSchema,
        'Services it offers (state format §17.2)',
      ),
      [`^${DIRECTORY}/mdev\\.json$`]: files(mdevSchema, 'Device nodes it gets (state format §22)'),
      '^(?!#spec$|_sigs/|[^/]+/(?:src|build)\\.json$)(?!.*\\.json$)': {
        description: 'A file by its SHA-256 (state format §3)',
        type: 'string',
        pattern: OBJECT_ID_PATTERN.replace('A-F', ''),
      },
    },
  };
}
