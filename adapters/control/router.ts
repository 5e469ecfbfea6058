/** Which route a request means (control API §3). Paths and methods only: who may call is `callers.ts`. */

import type { Route } from './route.ts';

/** All methods of one path, under the rules of its kind. */
export interface Endpoint {
  readonly kind: 'exact' | 'pattern';
  readonly routes: ReadonlyMap<string, Route>;
}

export interface Match {
  readonly endpoint: Endpoint;
  readonly params: readonly string[];
}

export interface Router {
  /** Those whose pattern fits the request target as it was sent, the one registered last first. */
  patterns(target: string): readonly Match[];
  /** By the percent-decoded path. */
  exact(target: string): Match | undefined;
}

interface Pattern {
  readonly segments: readonly string[];
  readonly endpoint: Endpoint;
}

const MAX_SEGMENTS = 10;
/** Of one segment, terminator included. */
const MAX_SEGMENT_BYTES = 256;

export function createRouter(routes: readonly Route[]): Router {
  const byPath = new Map<string, Map<string, Route>>();
  for (const route of routes) {
    const methods = byPath.get(route.path) ?? new Map<string, Route>();
    byPath.set(route.path, methods.set(route.method, route));
  }
  const exact = new Map<string, Endpoint>();
  const patterns: Pattern[] = [];
  for (const [path, methods] of byPath) {
    if (path.includes('{}'))
      patterns.unshift({ segments: segmentsOf(path), endpoint: { kind: 'pattern', routes: methods } });
    else exact.set(path, { kind: 'exact', routes: methods });
  }
  return {
    patterns(target) {
      const segments = segmentsOf(isOurs(target) ? withoutQuery(target) : target);
      // Of a target each character is one byte.
      if (segments.length > MAX_SEGMENTS || segments.some(({ length }) => length >= MAX_SEGMENT_BYTES))
        return [];
      return patterns
        .filter((pattern) => fits(pattern.segments, segments))
        .map(({ endpoint, segments: places }) => ({
          endpoint,
          params: segments.filter((_, index) => places[index] === '{}'),
        }));
    },
    exact(target) {
      const endpoint = exact.get(pathOf(target) ?? '');
      return endpoint === undefined ? undefined : { endpoint, params: [] };
    },
  };
}

/** Below `/v1/` the answers are ours: the query is no part of the path, unknown is 404, a wrong method 405. */
export function isOurs(target: string): boolean {
  return target.startsWith('/v1/');
}

/** Those of the query of our own routes; the reference knows none. */
export function queryOf(target: string): URLSearchParams {
  return new URLSearchParams(isOurs(target) ? target.slice(withoutQuery(target).length) : '');
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((segment, index) => segment === '{}' || segment === segments[index])
  );
}

function segmentsOf(target: string): readonly string[] {
  return target.split('/').filter((segment) => segment !== '');
}

function withoutQuery(target: string): string {
  return target.split('?', 1)[0] ?? '';
}

/** Without origin, query and fragment, decoded; undefined for what is no percent-encoding. */
function pathOf(target: string): string | undefined {
  const path = /^(?:[^/?#]+:\/\/[^/?#]*)?([^?#]*)/.exec(target)?.[1] ?? '';
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
