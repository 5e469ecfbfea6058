/** What is ours below `/v1/`: every document is held against the schema that the OpenAPI document shows. */

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import type { Control } from '../../../../actors/control-ports.ts';
import { createEvents, type EventStream } from '../../../../actors/events.ts';
import { createStatistics } from '../../../../actors/statistics.ts';
import * as schemas from '../../../../adapters/control/api-schemas.ts';
import type { Call, Route } from '../../../../adapters/control/route.ts';
import { eventRoutes } from '../../../../adapters/control/routes/events.ts';
import { explainRoutes } from '../../../../adapters/control/routes/explain.ts';
import { metricRoutes } from '../../../../adapters/control/routes/metrics.ts';
import { openApiRoutes } from '../../../../adapters/control/routes/openapi.ts';
import { statusRoutes } from '../../../../adapters/control/routes/status.ts';
import type { Revision } from '../../../../machines/domain/revision.ts';
import { settle } from '../../../../sim/clock.ts';
import { callRoute, HOST, stateOf } from '../../../support/call-route.ts';
import { recovery, revisionOf } from '../../../support/revision.ts';
import { boot, checkWorlds, type World } from '../../../support/world.ts';

const WALL_TIME = Date.UTC(2030, 0, 2, 3, 4, 5);

const REVISION = revisionOf({
  root: { containers: { net: {} } },
  app: { containers: { web: { statusGoal: 'READY', roles: ['mgmt'] }, job: { recovery: recovery() } } },
});

interface Scene {
  readonly world: World;
  readonly events: EventStream;
  readonly control: Partial<Control>;
  readonly get: (routes: readonly Route[], target: string) => ReturnType<typeof callRoute>;
}

async function scene(revision: Revision = REVISION): Promise<Scene> {
  const events = createEvents('life');
  const statistics = createStatistics(0);
  const world = await boot(revision, {
    heard: (announcement) => {
      statistics.tell(announcement);
      events.tell(announcement);
    },
  });
  await world.pass(0);
  const control = {
    ...stateOf(world, revision),
    events,
    statistics,
    version: '1.2.3',
    wallTime: () => WALL_TIME,
  };
  const get: Scene['get'] = (routes, target) => callRoute({ routes, method: 'GET', target, control });
  return { world, events, control, get };
}

describe('extensions of the control API (R-12)', () => {
  afterEach(checkWorlds);

  it('shows the whole device in one document: GET /v1/status', async () => {
    const { world, get, events } = await scene();
    await world.pass(1500);
    const { status, body } = await get(statusRoutes, '/v1/status');
    const document = schemas.statusDocument.parse(JSON.parse(body));
    assert.equal(status, 200);
    assert.deepEqual(document.clock, { monotonic_ms: 1500, time: '2030-01-02T03:04:05.000Z' });
    assert.equal(document.last_event_id, events.last);
    assert.deepEqual(
      document.groups.map(({ name, containers }) => [
        name,
        ...containers.map((one) => `${one.name} ${one.status}`),
      ]),
      [
        ['root', 'net STARTED'],
        ['app', 'web STARTED', 'job STARTED'],
      ],
    );
    const web = document.groups[1]?.containers[0];
    assert.deepEqual([web?.goal_deadline_at_ms, web?.roles], [10_000, ['mgmt']]);
  });

  it('explains all, or one container: GET /v1/explain', async () => {
    const { get } = await scene();
    const all = schemas.explanations.parse(JSON.parse((await get(explainRoutes, '/v1/explain')).body));
    assert.deepEqual(
      all.explanations.map(({ kind, name }) => `${kind} ${name}`.trim()),
      ['revision', 'group root', 'group app', 'container net', 'container web', 'container job'],
    );
    const one = await get(explainRoutes, '/v1/explain/w%65b');
    assert.equal(schemas.explanation.parse(JSON.parse(one.body)).waits_for[0]?.kind, 'signal');
  });

  for (const name of ['other', '%', '__proto__', 'x'.repeat(10_000)]) {
    it(`knows no container ${name.slice(0, 12)}`, async () => {
      const { get } = await scene();
      const { status, body } = await get(explainRoutes, `/v1/explain/${name}`);
      assert.deepEqual([status, body], [404, '{"Error":"Container not found"}']);
    });
  }

  it('counts statuses, goals, starts and exits: GET /v1/metrics', async () => {
    const { world, get } = await scene();
    await world.exit('job');
    await world.pass(0);
    const { body, type } = await get(metricRoutes(), '/v1/metrics');
    assert.equal(type, 'text/plain; version=0.0.4');
    for (const line of [
      'statevisor_info{version="1.2.3",revision="locals/test"} 1',
      'statevisor_containers{status="STARTED"} 3',
      'statevisor_container_status{container="net",group="root",status="STARTED"} 1',
      'statevisor_container_goal_achieved{container="web",group="app"} 0',
      'statevisor_container_starts_total{container="job"} 2',
      'statevisor_container_exits_total{container="job"} 1',
      'statevisor_container_exits_total{container="net"} 0',
      'statevisor_container_retries{container="job"} 1',
      'statevisor_revision_goal_achieved 0',
    ]) {
      assert.ok(body.includes(`\n${line}\n`), `${line} is missing in\n${body}`);
    }
    assert.doesNotMatch(body, /NaN|undefined/);
  });

  it('measures the lag of the event loop from the first scrape on', async () => {
    const { control } = await scene();
    const routes = metricRoutes(1);
    const scrape = () => callRoute({ routes, method: 'GET', target: '/v1/metrics', control });
    assert.doesNotMatch((await scrape()).body, /eventloop/);
    const again = async (): Promise<string> => {
      const { body } = await scrape();
      if (/nodejs_eventloop_lag_max_seconds [\d.e-]+\n/.test(body)) return body;
      await new Promise((turn) => setImmediate(turn));
      return again();
    };
    assert.match(await again(), /nodejs_eventloop_lag_mean_seconds [\d.e-]+\n/);
  });

  it('serves its own description: GET /v1/openapi.json', async () => {
    const { get } = await scene();
    const document = JSON.parse((await get(openApiRoutes, '/v1/openapi.json')).body) as {
      openapi: string;
      info: { version: string };
      paths: Readonly<Record<string, object>>;
    };
    assert.deepEqual([document.openapi, document.info.version], ['3.1.0', '1.2.3']);
    assert.ok('/v1/openapi.json' in document.paths);
  });
});

describe('GET /v1/events (R-12)', () => {
  afterEach(checkWorlds);

  /** What a client has been sent so far, event by event. */
  function follow(
    control: Partial<Control>,
    { header, query = '' }: { header?: string; query?: string } = {},
  ) {
    const [route] = eventRoutes;
    const reply = route?.handle({
      control: control as Control,
      caller: HOST,
      target: '/v1/events',
      params: [],
      query: new URLSearchParams(query),
      request: { headers: header === undefined ? {} : { 'last-event-id': header } } as Call['request'],
    });
    assert.ok(reply !== undefined && 'body' in reply && reply.body instanceof Readable);
    const stream = reply.body.setEncoding('utf8');
    let text = '';
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    const heard = async () => {
      await settle();
      await new Promise((turn) => setImmediate(turn));
      return text
        .split('\n\n')
        .filter((block) => block.startsWith('id: '))
        .map((block) => {
          const [id = '', event = '', data = ''] = block
            .split('\n')
            .map((line) => line.replace(/^\w+: /, ''));
          return { id, event, data: JSON.parse(data) as unknown };
        });
    };
    return { stream, heard };
  }

  it('tells what happens from now on, each event as its schema says', async () => {
    const { world, control, events } = await scene();
    const { stream, heard } = follow(control);
    assert.deepEqual(await heard(), []);
    await world.order('container.stop', 'net');
    await world.pass(0);
    const told = await heard();
    assert.equal(told.at(-1)?.id, events.last);
    assert.ok(told.some(({ event }) => event === 'container') && told.some(({ event }) => event === 'group'));
    for (const { event, data } of told) schemas.events[event as keyof typeof schemas.events].parse(data);
    stream.destroy();
  });

  for (const [how, options] of [
    ['Last-Event-ID', { header: 'life-2' }],
    ['?since=', { query: 'since=life-2' }],
  ] as const) {
    it(`goes on after the id in ${how}`, async () => {
      const { control, events } = await scene();
      const { stream, heard } = follow(control, options);
      const told = await heard();
      assert.equal(told[0]?.id, 'life-3');
      assert.equal(told.at(-1)?.id, events.last);
      stream.destroy();
    });
  }

  it('begins with all that is kept for ?since=start', async () => {
    const { control } = await scene();
    const { stream, heard } = follow(control, { query: 'since=start' });
    assert.equal((await heard())[0]?.id, 'life-1');
    stream.destroy();
  });

  it('says that there is a gap when the id is of another life, and goes on from there', async () => {
    const { world, control, events } = await scene();
    const { stream, heard } = follow(control, { header: 'earlier-7' });
    const before = events.last;
    assert.deepEqual(await heard(), [{ id: before, event: 'gap', data: { last_event_id: before } }]);
    await world.order('container.stop', 'job');
    assert.ok((await heard()).length > 1);
    stream.destroy();
  });

  it('queues nothing for a client that does not read, and tells it of the gap when it does', async () => {
    const { control, events } = await scene();
    const [route] = eventRoutes;
    const reply = route?.handle({
      control: control as Control,
      caller: HOST,
      target: '/v1/events',
      params: [],
      query: new URLSearchParams(),
      request: { headers: {} } as Call['request'],
    });
    assert.ok(reply !== undefined && 'body' in reply && reply.body instanceof Readable);
    const stream = reply.body;
    for (let at = 0; at < 20_000; at += 1) {
      events.tell({ type: 'revision', at, status: 'STARTED', goal: 'UNACHIEVED' });
      if (at % 100 === 0) await settle();
    }
    assert.ok(stream.readableLength < 512 * 1024, `${stream.readableLength} bytes wait`);
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await new Promise((turn) => setImmediate(turn));
    await new Promise((turn) => setImmediate(turn));
    assert.match(text, /event: gap\n/);
    assert.ok(text.trimEnd().includes(`id: ${events.last}\n`));
    stream.destroy();
  });

  it('stops listening when the client goes away', async () => {
    const { control, events } = await scene();
    let listeners = 0;
    const counted = {
      ...control,
      events: {
        ...events,
        get last() {
          return events.last;
        },
        subscribe: (listener: Parameters<EventStream['subscribe']>[0]) => {
          listeners += 1;
          const end = events.subscribe(listener);
          return () => {
            listeners -= 1;
            end();
          };
        },
      },
    };
    const { stream, heard } = follow(counted);
    await heard();
    assert.equal(listeners, 1);
    stream.destroy();
    await heard();
    assert.equal(listeners, 0);
  });
});
