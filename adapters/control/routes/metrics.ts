/** `GET /v1/metrics`: Prometheus text, version 0.0.4 (R-12). Statuses, goals, starts and exits, how long the boot took,
 *  and what the supervisor itself costs. Nothing is measured before somebody asks. */

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Control } from '../../../actors/control-ports.ts';
import { STATUSES } from '../../../machines/domain/status.ts';
import type { Call, Reply, Route } from '../route.ts';

/** @param sampleMs how often the event loop is looked at once somebody has asked */
export function metricRoutes(sampleMs = 500): readonly Route[] {
  const lag = eventLoopLag(sampleMs);
  return [
    {
      method: 'GET',
      path: '/v1/metrics',
      handle: ({ control }: Call): Reply => {
        const families = [...deviceFamilies(control), ...stateFamilies(control), ...processFamilies(lag())];
        return { status: 200, type: 'text/plain; version=0.0.4', body: families.map(familyText).join('') };
      },
    },
  ];
}

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly Sample[];
}

function deviceFamilies({ version, loaded, statistics }: Control): readonly Family[] {
  const { bootMs } = statistics;
  return [
    gauge('statevisor_info', 'Version of the supervisor and the revision that runs', [
      { labels: { version, revision: loaded?.revisionName ?? '' }, value: 1 },
    ]),
    gauge(
      'statevisor_boot_seconds',
      'From the beginning of this supervisor until no group waited any longer',
      bootMs === undefined ? [] : [{ value: bootMs / 1000 }],
    ),
  ];
}

function stateFamilies({ loaded, statistics }: Control): readonly Family[] {
  if (loaded === undefined) return [];
  const view = loaded.supervisor.view();
  const containers = view.groups.flatMap((group) => group.containers);
  const counts = new Map(STATUSES.map((status) => [status, 0]));
  for (const { record } of containers) {
    if (record !== undefined) counts.set(record.status, (counts.get(record.status) ?? 0) + 1);
  }
  const counter = (name: string, help: string, key: 'starts' | 'exits'): Family => ({
    name,
    type: 'counter',
    help,
    samples: containers.map(({ name: container }) => ({
      labels: { container },
      value: statistics.containers.get(container)?.[key] ?? 0,
    })),
  });
  return [
    gauge(
      'statevisor_containers',
      'Containers by status',
      [...counts].map(([status, value]) => ({ labels: { status }, value })),
    ),
    gauge(
      'statevisor_container_status',
      'The status of each container: the series of the status that it has',
      containers.flatMap(({ name, group, record }) =>
        record === undefined ? [] : { labels: { container: name, group, status: record.status }, value: 1 },
      ),
    ),
    gauge(
      'statevisor_container_goal_achieved',
      'Whether the status goal is satisfied',
      containers.map(({ name, group, goal }) => ({
        labels: { container: name, group },
        value: Number(goal === 'ACHIEVED'),
      })),
    ),
    gauge(
      'statevisor_container_retries',
      'Retries granted since the counter was last reset',
      containers.map(({ name, record }) => ({ labels: { container: name }, value: record?.retries ?? 0 })),
    ),
    counter('statevisor_container_starts_total', 'Starts under this supervisor', 'starts'),
    counter('statevisor_container_exits_total', 'Exits under this supervisor, stops included', 'exits'),
    gauge('statevisor_revision_goal_achieved', 'Whether all status goals are satisfied', [
      { value: Number(view.goal === 'ACHIEVED') },
    ]),
  ];
}

function processFamilies(lag: Lag): readonly Family[] {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return [
    gauge('process_resident_memory_bytes', 'Resident memory of the supervisor', [{ value: rss }]),
    gauge('nodejs_heap_used_bytes', 'JavaScript heap in use', [{ value: heapUsed }]),
    {
      name: 'process_cpu_seconds_total',
      type: 'counter',
      help: 'CPU time of the supervisor',
      samples: [{ value: (user + system) / 1e6 }],
    },
    gauge(
      'nodejs_eventloop_lag_mean_seconds',
      'Mean lag of the event loop since the last scrape',
      samples(lag.mean),
    ),
    gauge(
      'nodejs_eventloop_lag_max_seconds',
      'Longest lag of the event loop since the last scrape',
      samples(lag.max),
    ),
  ];
}

function samples(value: number): readonly Sample[] {
  return Number.isFinite(value) ? [{ value }] : [];
}

interface Lag {
  /** Seconds; NaN before anything has been measured. */
  readonly mean: number;
  readonly max: number;
}

/** Measured from the first scrape on; each scrape tells of the time since the one before. Seldom: an idle supervisor
 *  should not wake up often only to find that it is idle. */
function eventLoopLag(sampleMs: number): () => Lag {
  const state: { histogram?: IntervalHistogram } = {};
  return () => {
    const { histogram } = state;
    if (histogram === undefined) {
      state.histogram = monitorEventLoopDelay({ resolution: sampleMs });
      state.histogram.enable();
      return { mean: Number.NaN, max: Number.NaN };
    }
    // The histogram holds whole intervals; what exceeds the resolution is the lag.
    const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - sampleMs / 1000);
    // To reset what has measured nothing would put off the first measurement.
    if (histogram.count === 0) return { mean: Number.NaN, max: Number.NaN };
    const lag = { mean: seconds(histogram.mean), max: seconds(histogram.max) };
    histogram.reset();
    return lag;
  };
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: 'gauge', help, samples };
}

function familyText({ name, type, help, samples }: Family): string {
  if (samples.length === 0) return '';
  const lines = samples.map(({ labels = {}, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}
