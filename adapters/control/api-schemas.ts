/** What the control API sends and takes, as schemas: the OpenAPI document is made from them, and tests hold the server's
 *  answers against them. Loaded when the document is asked for. */

import { z } from 'zod';
import { PROGRESS_STATUSES } from '../../machines/domain/progress.ts';
import { STATUSES } from '../../machines/domain/status.ts';
import { WAKELOCK_SCOPES } from '../../machines/domain/wakelocks.ts';

const status = z.enum(STATUSES);
const statusGoal = z.enum(['MOUNTED', 'STARTED', 'READY']);
const goal = z.enum(['ACHIEVED', 'UNACHIEVED', 'TIMEDOUT']);
/** Booleans of the reference that are strings. */
const spelled = z.enum(['true', 'false']);
const ms = z.number().nullable().describe('Monotonic milliseconds since the machine booted');

export const errorBody = z.strictObject({ Error: z.string() });

export const containerList = z.array(
  z.strictObject({
    name: z.string(),
    group: z.string().nullable(),
    status,
    status_goal: statusGoal,
    restart_policy: z.enum(['system', 'container', 'unknown']),
    roles: z.array(z.string()),
    auto_recovery: z
      .strictObject({
        policy: z.enum(['always', 'on-failure', 'unless-stopped']),
        max_retries: z.number(),
        current_retries: z.number(),
        stable_timeout: z.number().describe('Seconds'),
        is_stable: spelled,
        backoff_policy: z.string().describe('reboot, never, or a duration such as 10min'),
      })
      .optional(),
    user_stopped: spelled.optional(),
  }),
);

export const groupList = z.array(
  z.strictObject({
    name: z.string(),
    status_goal: statusGoal,
    restart_policy: z.enum(['system', 'container']),
    status,
    auto_recovery: z
      .strictObject({
        max_retries: z.number(),
        stable_timeout: z.number().describe('Seconds'),
        backoff_policy: z.string(),
      })
      .optional(),
  }),
);

export const containerAction = z.object({ action: z.enum(['start', 'stop', 'restart']) });
export const signal = z.object({ type: z.literal('ready'), payload: z.unknown().optional() });
export const command = z.object({ op: z.string(), payload: z.unknown() });
export const daemonAction = z.object({ action: z.enum(['start', 'stop']) });

/** Values that are JSON objects or arrays are embedded, all others are strings. */
export const metadata = z.record(
  z.string(),
  z.union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())]),
);

export const configuration = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
export const configuration2 = z.array(
  z.strictObject({ key: z.string(), value: z.string(), modified: z.string() }),
);

const driver = z.strictObject({
  name: z.string(),
  type: z.enum(['REQUIRED', 'OPTIONAL', 'MANUAL']),
  status: z.enum(['LOADED', 'UNLOADED', 'UNKNOWN']),
});
/** An empty object for a caller without drivers. */
export const driverList = z.union([z.array(driver), z.strictObject({})]);

export const daemonList = z.array(
  z.strictObject({ name: z.string(), pid: z.number(), respawn: z.boolean() }),
);

export const wakelocks = z.strictObject({
  mode: z.enum(['disabled', 'locks', 'managed']),
  count: z.number(),
  degraded: z.boolean(),
  autosleep: z.boolean(),
  settling: z.boolean(),
  polling: z.boolean(),
  run_window: z.boolean(),
  held: z.strictObject(
    Object.fromEntries(WAKELOCK_SCOPES.map((scope) => [scope, z.boolean()])) as Record<
      (typeof WAKELOCK_SCOPES)[number],
      z.ZodBoolean
    >,
  ),
});

const objectId = z.string().regex(/^[0-9a-f]{64}$/);
export const objectList = z.array(
  z.strictObject({ sha256: objectId, size: z.string().regex(/^\d+$/).describe('Bytes') }),
);

export const progress = z.looseObject({
  status: z.enum(PROGRESS_STATUSES),
  'status-msg': z.string(),
  progress: z.number().describe('Percent'),
  retries: z.number(),
  logs: z.string().optional().describe('Lines of JSON of level ERROR and FATAL'),
});
/** A step without a record has an empty object for it. */
export const stepList = z.array(
  z.strictObject({
    name: z.string(),
    date: z.iso.datetime(),
    commitmsg: z.string(),
    progress: z.union([progress, z.strictObject({})]),
  }),
);
export const state = z.looseObject({ '#spec': z.string() });

export const reclaimed = z.strictObject({ reclaimed: z.number().describe('Bytes of removed objects') });
export const collection = z.strictObject({
  ...reclaimed.shape,
  removed: z.array(z.string()).describe('Paths below the storage'),
  kept: z.array(z.strictObject({ what: z.string(), because: z.string() })),
});

export const graph = z.array(
  z.strictObject({
    consumer: z.string(),
    consumer_pid: z.number(),
    provider: z.string(),
    provider_pid: z.number(),
    name: z.string(),
    type: z.string(),
    role: z.string(),
    interface: z.string(),
    target: z.string().nullable(),
    socket: z.string().nullable(),
  }),
);

const clock = z.strictObject({ monotonic_ms: z.number(), time: z.iso.datetime() });
const fault = z.strictObject({
  code: z.string(),
  message: z.string(),
  subject: z.string().nullable(),
  errno: z.string().nullable(),
  fix: z.string().nullable(),
});

export const updateDocument = z.strictObject({
  clock,
  update: z
    .strictObject({
      name: z.string(),
      kind: z.enum(['live', 'reboot']).nullable(),
      status: z.enum(PROGRESS_STATUSES).nullable().describe('As recorded'),
      message: z.string(),
      phase: z.enum([
        'preparing',
        'moving',
        'rebooting',
        'starting',
        'testing',
        'stabilising',
        'accepting',
        'failing',
      ]),
      until_ms: ms,
      next: z.string(),
    })
    .nullable(),
});

const recordFields = {
  status: status.nullable(),
  since_ms: ms,
  pid: z.number().nullable(),
  retries: z.number(),
  started_at_ms: ms,
  goal_deadline_at_ms: ms,
  stable_at_ms: ms,
  retry_at_ms: ms,
  kill_at_ms: ms,
  stop_reason: z.string().nullable(),
  last_exit: z.string().nullable(),
  fault: fault.nullable(),
};

export const statusDocument = z.strictObject({
  clock,
  last_event_id: z.string(),
  phase: z.enum(['running', 'stopping', 'stopped', 'rebooting', 'poweringOff']),
  revision: z.strictObject({ name: z.string(), status, goal, text: z.string() }),
  groups: z.array(
    z.strictObject({
      name: z.string(),
      status,
      goal,
      status_goal: statusGoal.nullable(),
      restart_policy: z.string().nullable(),
      unlocked: z.boolean(),
      text: z.string(),
      containers: z.array(
        z.strictObject({
          name: z.string(),
          group: z.string(),
          goal,
          status_goal: statusGoal.nullable(),
          restart_policy: z.string().nullable(),
          roles: z.array(z.string()),
          max_retries: z.number().nullable(),
          ...recordFields,
          text: z.string(),
        }),
      ),
    }),
  ),
});

const explanationFields = {
  kind: z.enum(['container', 'group', 'revision']),
  name: z.string(),
  status: status.nullable(),
  goal,
  since_ms: ms,
  waits_for: z.array(
    z.strictObject({
      kind: z.enum(['group', 'container', 'signal', 'process', 'volumes', 'timer', 'user']),
      name: z.string(),
      status: status.nullable(),
    }),
  ),
  until_ms: ms,
  next: z.string().nullable(),
  text: z.string(),
};
export const explanation = z.strictObject({ clock, ...explanationFields });
export const explanations = z.strictObject({
  clock,
  explanations: z.array(z.strictObject(explanationFields)),
});

const at = { at_ms: z.number() };
/** The data of each kind of server-sent event. */
export const events = {
  container: z.strictObject({
    ...at,
    name: z.string(),
    group: z.string(),
    from: status.nullable(),
    goal,
    ...recordFields,
  }),
  group: z.strictObject({ ...at, name: z.string(), status, goal }),
  revision: z.strictObject({ ...at, status, goal }),
  failure: z.strictObject({ ...at, name: z.string(), fault }),
  device: z.strictObject({ ...at, phase: z.string() }),
  gap: z.strictObject({ last_event_id: z.string() }),
} as const;
