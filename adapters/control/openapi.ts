/** The control API as an OpenAPI 3.1 document. One entry per route; a test compares the entries with the routes, and the
 *  answers of a running server with the schemas. */

import { z } from 'zod';
import * as schemas from './api-schemas.ts';

interface Operation {
  readonly summary: string;
  /** Of the body that the client sends. */
  readonly takes?: z.ZodType | 'text';
  /** Of the body of a 200; nothing: an empty body. */
  readonly gives?: z.ZodType | 'text/plain' | 'text/event-stream' | 'application/octet-stream';
  /** Other answers, with what they mean; all have an error body, 204 excepted. */
  readonly refusals: Readonly<Record<number, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** Answers every container, whatever its role. */
  readonly forAll?: true;
}

const NOT_LOADED = { 500: 'The state is not loaded yet' };
const TOO_LARGE = { 507: 'The body is too large' };

const NO_STORE = { 500: 'The store cannot be read or written, or is not there yet' };

const stepOf = (path: '/steps/{revision}' | '/steps/locals/{revision}', whose: string) =>
  ({
    [`GET ${path}`]: {
      summary: `The state JSON of ${whose}, as it was received`,
      gives: schemas.state,
      refusals: { 404: 'There is no such revision', ...NO_STORE },
    },
    [`GET ${path}/progress`]: {
      summary: `The progress record of ${whose}`,
      gives: schemas.progress,
      refusals: { 404: 'There is no record', ...NO_STORE },
    },
    [`PUT ${path}/commitmsg`]: {
      summary: `Comments on ${whose}; 1 to 256 bytes`,
      takes: 'text',
      refusals: { 400: 'No text, or no name of a revision', ...NO_STORE, ...TOO_LARGE },
    },
  }) as const;

const metadataOf = (kind: 'user-meta' | 'device-meta', title: string) =>
  ({
    [`GET /${kind}`]: { summary: `All ${title}, newest first`, gives: schemas.metadata, refusals: {} },
    [`PUT /${kind}/{key}`]: {
      summary: `Sets one key of the ${title}; 1 to 4096 bytes`,
      takes: 'text',
      refusals: { 400: 'No value, or a key that cannot be', ...TOO_LARGE },
    },
    [`DELETE /${kind}/{key}`]: { summary: `Removes one key`, refusals: { 404: 'There is no such key' } },
  }) as const;

/** `METHOD /path/{parameter}`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /containers': {
    summary: 'Containers of the running revision',
    gives: schemas.containerList,
    refusals: NOT_LOADED,
  },
  'PUT /containers/{name}': {
    summary: 'Starts, stops or restarts a container',
    takes: schemas.containerAction,
    refusals: {
      400: 'Not an action, or not possible in the present status',
      403: 'Its restart policy is system',
      404: 'There is no such container',
      ...NOT_LOADED,
      ...TOO_LARGE,
    },
  },
  'GET /groups': {
    summary: 'Groups in the order in which they start',
    gives: schemas.groupList,
    refusals: NOT_LOADED,
  },
  'POST /signal': {
    summary: 'The calling container is ready',
    takes: schemas.signal,
    forAll: true,
    refusals: {
      400: 'Not a signal',
      500: 'Not expected from this container, or the state is not loaded yet',
      ...TOO_LARGE,
    },
  },
  'POST /commands': {
    summary: 'A command to the device; 200 means accepted',
    takes: schemas.command,
    refusals: {
      204: 'There is nothing to do',
      400: 'Not a command',
      409: 'Not possible as the device is configured',
      503: 'Another command or an update is under way; Retry-After says when to come again',
      ...TOO_LARGE,
    },
  },
  'GET /objects': { summary: 'All objects', gives: schemas.objectList, refusals: NO_STORE },
  'GET /objects/{sha256}': {
    summary: 'The content of an object',
    gives: 'application/octet-stream',
    refusals: { 400: 'Not an object id, or there is none', ...NO_STORE },
  },
  'PUT /objects/{sha256}': {
    summary: 'Stores an object under its SHA-256',
    takes: 'text',
    refusals: {
      400: 'Not an object id',
      422: 'The content has another SHA-256',
      507: 'There is no space for it',
      ...NO_STORE,
    },
  },
  'GET /steps': { summary: 'Installed revisions', gives: schemas.stepList, refusals: NO_STORE },
  ...stepOf('/steps/{revision}', 'a revision, or current'),
  ...stepOf('/steps/locals/{revision}', 'a local revision'),
  'PUT /steps/locals/{revision}': {
    summary: 'Installs a state JSON under a local name',
    takes: schemas.state,
    refusals: {
      400: 'Not a local name',
      409: 'The device runs the revision of that name, or goes back to it',
      422: 'The state is not signed as it has to be, or is no state',
      503: 'An update to the revision of that name is under way',
      507: 'There is no space for it',
      ...NO_STORE,
    },
  },
  'POST /storage/gc': {
    summary: 'Collects garbage',
    gives: schemas.reclaimed,
    refusals: { 500: 'It failed, or there is no store' },
  },
  ...metadataOf('user-meta', 'user metadata'),
  ...metadataOf('device-meta', 'device metadata'),
  'GET /buildinfo': { summary: 'The build manifest', gives: 'text/plain', refusals: {} },
  'GET /config': { summary: 'Configuration by old names', gives: schemas.configuration, refusals: {} },
  'GET /config2': {
    summary: 'Configuration, with the level that won',
    gives: schemas.configuration2,
    refusals: {},
  },
  'GET /drivers': {
    summary: 'Drivers of the calling container',
    gives: schemas.driverList,
    refusals: NOT_LOADED,
  },
  'PUT /drivers/load': {
    summary: 'Loads all manual drivers of the caller',
    refusals: { 400: 'One does not load', ...NOT_LOADED },
  },
  'PUT /drivers/unload': { summary: 'Unloads all manual drivers of the caller', refusals: NOT_LOADED },
  'PUT /drivers/{alias}/load': {
    summary: 'Loads one manual driver',
    refusals: { 400: 'It does not load', ...NOT_LOADED },
  },
  'PUT /drivers/{alias}/unload': {
    summary: 'Unloads one manual driver',
    refusals: { 400: 'No driver is named', ...NOT_LOADED },
  },
  'GET /daemons': { summary: 'Helper processes', gives: schemas.daemonList, refusals: {} },
  'PUT /daemons/{name}': {
    summary: 'Starts or stops a helper process',
    takes: schemas.daemonAction,
    refusals: { 400: 'Not JSON, or no body', 404: 'There is no such daemon', ...TOO_LARGE },
  },
  'GET /wakelocks': { summary: 'What keeps the device awake', gives: schemas.wakelocks, refusals: {} },
  'GET /xconnect-graph': { summary: 'Links between services', gives: schemas.graph, refusals: NOT_LOADED },
  'GET /v1/status': {
    summary: 'The whole device in one document',
    gives: schemas.statusDocument,
    refusals: NOT_LOADED,
  },
  'GET /v1/explain': {
    summary: 'Why everything stands where it stands',
    gives: schemas.explanations,
    refusals: NOT_LOADED,
  },
  'GET /v1/explain/{container}': {
    summary: 'Why a container stands where it stands',
    gives: schemas.explanation,
    refusals: { 404: 'There is no such container', ...NOT_LOADED },
  },
  'GET /v1/events': {
    summary: 'Changes as server-sent events; Last-Event-ID or since resumes',
    query: { since: 'Id of the last event the client has, or start for all that are kept' },
    gives: 'text/event-stream',
    refusals: {},
  },
  'GET /v1/update': {
    summary: 'The update under way, and what comes next; null when there is none',
    gives: schemas.updateDocument,
    refusals: NO_STORE,
  },
  'GET /v1/gc': {
    summary: 'What a collection of garbage would remove, and why the rest stays',
    gives: schemas.collection,
    refusals: NO_STORE,
  },
  'GET /v1/metrics': { summary: 'Metrics for Prometheus', gives: 'text/plain', refusals: {} },
  'GET /v1/openapi.json': {
    summary: 'This document',
    gives: z.looseObject({ openapi: z.string() }),
    refusals: {},
  },
};

export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const [method = '', path = ''] = name.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationObject(path, operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'statevisor control API',
      version,
      description:
        'HTTP on unix sockets: one for the host, one in every container at /pantavisor/pv-ctrl. Who calls is known from ' +
        'the socket. Only the host and containers with the role mgmt may call what is not marked otherwise.',
    },
    paths,
  };
}

function operationObject(
  path: string,
  { summary, takes, gives, refusals, query = {}, forAll }: Operation,
): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }));
  return {
    summary,
    ...(forAll === true ? { description: 'Every container may call it, whatever its role.' } : {}),
    parameters: [...inPath, ...inQuery],
    ...(takes === undefined
      ? {}
      : { requestBody: { required: true, content: content(takes, 'application/octet-stream') } }),
    responses: {
      200: { description: 'Done', ...(gives === undefined ? {} : { content: content(gives, 'text/plain') }) },
      ...Object.fromEntries(
        Object.entries(refusals).map(([code, description]) => [code, refusal(Number(code), description)]),
      ),
      ...(forAll === true ? {} : { 403: refusal(403, describe403(refusals[403])) }),
    },
  };
}

function describe403(own: string | undefined): string {
  const role = 'The caller has not the role mgmt';
  return own === undefined ? role : `${role}; or: ${own}`;
}

function refusal(code: number, description: string): object {
  return code === 204 ? { description } : { description, content: content(schemas.errorBody, 'text/plain') };
}

function content(body: z.ZodType | string, textType: string): object {
  if (typeof body === 'string')
    return { [body === 'text' ? textType : body]: { schema: { type: 'string' } } };
  const { $schema: _, ...schema } = z.toJSONSchema(body, { io: 'input' });
  return { 'application/json': { schema } };
}
