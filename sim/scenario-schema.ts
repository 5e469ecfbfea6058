/** The shape of a scenario file: which keys there are and what a value of each looks like.
 *  What must fit together (names that exist, a revision that is one) is checked by the reader, `scenario.ts`. */

import { z } from 'zod';
import { PROGRESS_STATUSES } from '../machines/domain/progress.ts';
import type { Exit } from '../machines/domain/recovery.ts';
import { STATUSES } from '../machines/domain/status.ts';
import type { Failure } from './conduct.ts';
import { parseDuration, parseSpan } from './durations.ts';

/** An object with these keys only. The message of an `unrecognized_keys` issue is the list of the known ones. */
function closed<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined),
  });
}

/** A value that a function reads; `wants` completes "expected …". */
function readBy<T>(read: (value: unknown) => T | undefined, wants: string) {
  return z.unknown().transform((value, context): T => {
    const result = read(value);
    if (result !== undefined) return result;
    context.issues.push({ code: 'custom', input: value, message: `expected ${wants}` });
    return z.NEVER;
  });
}

/** `web: READY` says the same as `web: { status: READY }`. */
function orStatus<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (typeof value === 'string' ? { status: value } : value), schema);
}

const duration = readBy(parseDuration, 'a duration such as 250ms, 5s, 2min or 1h');
const span = readBy(parseSpan, 'a duration such as 5s, or a range such as 5ms..40ms');
const exit = readBy(readExit, 'an exit code from 0 to 255 or the name of a signal such as SIGSEGV');
const times = readBy(readTimes, 'once, always or a number of times');
const name = z.string().min(1);
const texts = z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(name));
const table = z.record(z.string(), z.unknown());
/** Checked as part of the state JSON that comes of it. */
const stateValue = z.unknown().optional();
const status = z.enum(STATUSES);
const goal = z.enum(['ACHIEVED', 'UNACHIEVED', 'TIMEDOUT']);
const count = z.int().min(0);

const containerConduct = closed({
  mount: span.optional(),
  unmount: span.optional(),
  start: span.optional(),
  halt: span.optional(),
  kill: span.optional(),
  mount_fails: times.optional(),
  unmount_fails: times.optional(),
  start_fails: times.optional(),
  never_starts: z.boolean().optional(),
  ignores_halt: z.boolean().optional(),
  ready_after: span.optional(),
  crash: closed({ after: span, exit, times: times.optional() }).optional(),
});
export type ConductText = z.infer<typeof containerConduct>;

const host = closed({
  every: containerConduct.optional(),
  containers: z.record(z.string(), containerConduct).optional(),
  modules: z.record(z.string(), closed({ load: span.optional(), fails: times.optional() })).optional(),
  device_tree: name.optional(),
  overlays: z.array(name).optional(),
  fit_config: name.optional(),
  user_meta: z.record(z.string(), z.string()).optional(),
  device_meta: z.record(z.string(), z.string()).optional(),
});
export type HostText = z.infer<typeof host>;

/** `state`: the document itself. `file`: where it is. Otherwise the short form of `short-revision.ts`. */
const revisionKeys = {
  state: table.optional(),
  file: name.optional(),
  groups: z
    .array(
      closed({
        name,
        description: stateValue,
        status_goal: stateValue,
        restart_policy: stateValue,
        timeout: stateValue,
        auto_recovery: stateValue,
      }),
    )
    .optional(),
  containers: z
    .record(
      z.string(),
      z.preprocess(
        (value) => value ?? {},
        closed({
          version: z.int().min(1).optional(),
          group: stateValue,
          status_goal: stateValue,
          restart_policy: stateValue,
          roles: stateValue,
          auto_recovery: stateValue,
          drivers: stateValue,
          storage: stateValue,
          volumes: stateValue,
          type: stateValue,
        }),
      ),
    )
    .optional(),
  drivers: table.optional(),
};
const revision = closed(revisionKeys);
export type RevisionText = z.infer<typeof revision>;

/** One more revision: what it is, and in which condition it is on the device. Files are `<container>/<file>`. */
const storedRevision = closed({
  ...revisionKeys,
  /** On the device from the beginning. */
  installed: z.boolean().optional(),
  missing: texts.optional(),
  broken: texts.optional(),
  signature: z.enum(['good', 'bad']).optional(),
  /** How its containers behave where they do otherwise than the others. */
  host: z.record(z.string(), containerConduct).optional(),
});
export type StoredRevisionText = z.infer<typeof storedRevision>;

const storage = closed({
  room: count.optional(),
  fails: z.record(z.string(), times).optional(),
  commit_delay: duration.optional(),
  rollback_reboot: z.boolean().optional(),
  keep_factory: z.boolean().optional(),
});
export type StorageText = z.infer<typeof storage>;

const happening = closed({
  at: duration,
  run: name.optional(),
  run_commit: name.optional(),
  make_factory: name.optional(),
  install: name.optional(),
  cut: name.optional(),
  stop: name.optional(),
  start: name.optional(),
  restart: name.optional(),
  ready: name.optional(),
  crash: closed({ container: name, exit }).optional(),
  supervisor: z.enum(['kill', 'detach', 'boot']).optional(),
  device: z.enum(['stop', 'force', 'power-cycle', 'gc']).optional(),
  answer: z.enum(['ok', 'not-found', 'forbidden', 'conflict', 'refused', 'no-space', 'unheard']).optional(),
});
export type HappeningText = z.infer<typeof happening>;

const expectation = closed({
  at: duration.optional(),
  containers: z
    .record(
      z.string(),
      orStatus(
        closed({
          status: status.optional(),
          goal: goal.optional(),
          retries: count.optional(),
          stop_reason: z.enum(['user', 'gaveUp', 'finished', 'failed', 'system']).optional(),
          exit: exit.optional(),
        }),
      ),
    )
    .optional(),
  groups: z
    .record(z.string(), orStatus(closed({ status: status.optional(), goal: goal.optional() })))
    .optional(),
  revision: orStatus(closed({ status: status.optional(), goal: goal.optional() })).optional(),
  running: name.optional(),
  progress: z
    .record(
      z.string(),
      orStatus(closed({ status: z.enum(PROGRESS_STATUSES).optional(), message: name.optional() })),
    )
    .optional(),
  boot: closed({
    committed: name.optional(),
    trying: name.optional(),
    booted: name.optional(),
    boots: count.optional(),
  }).optional(),
  stored: z.array(name).optional(),
  kept: z.array(name).optional(),
  phase: z.enum(['running', 'stopping', 'stopped', 'rebooting', 'poweringOff']).optional(),
  order: texts.optional(),
  diary: texts.optional(),
  never: texts.optional(),
  starts: z.record(z.string(), count).optional(),
  failures: z.record(z.string(), name).optional(),
  mounted: z.array(name).optional(),
  alive: z.array(name).optional(),
});
export type ExpectationText = z.infer<typeof expectation>;

export const scenarioSchema = closed({
  title: name,
  lesson: name,
  revision,
  revisions: z.record(z.string(), storedRevision).optional(),
  storage: storage.optional(),
  goal_timeout: duration.optional(),
  host: host.optional(),
  timeline: z.array(happening).optional(),
  expect: z.array(expectation).min(1),
  until: duration.optional(),
});
export type ScenarioText = z.infer<typeof scenarioSchema>;

function readExit(value: unknown): Exit | undefined {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255) {
    return { kind: 'code', code: value };
  }
  if (typeof value === 'string' && /^SIG[A-Z0-9]+$/.test(value)) return { kind: 'signal', signal: value };
  return undefined;
}

function readTimes(value: unknown): Failure['times'] | undefined {
  if (value === 'once') return 1;
  if (value === 'always') return Number.POSITIVE_INFINITY;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;
}
