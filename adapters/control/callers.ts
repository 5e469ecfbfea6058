/** Who calls, and what he may (control API §3, §4). The socket that was called says who it is (design §6), the running
 *  revision which role he has; nothing in a request is believed. */

import type { Control } from '../../actors/control-ports.ts';
import type { Visitor } from './doors.ts';
import type { Caller, Reply, Route } from './route.ts';
import type { Match } from './router.ts';

/** A container is known from the revision: before that is loaded, nobody can tell its role. */
export type Identity = Caller | { readonly kind: 'early' } | { readonly kind: 'unknown' };

export type Admission =
  | { readonly ok: true; readonly route: Route; readonly caller: Caller }
  | { readonly ok: false; readonly reply: Reply };

/** The two kinds of routes say it differently, byte for byte. */
const TEXTS = {
  exact: { unknown: 'Internal Error', forbidden: 'Request not sent from a mgmt platform' },
  pattern: { unknown: 'Internal error, unknown caller', forbidden: 'Request not sent from mgmt platform' },
} as const;

export function identify({ loaded }: Control, visitor: Visitor): Identity {
  if (visitor.kind === 'host') return visitor;
  if (loaded === undefined) return { kind: 'early' };
  const spec = loaded.revision.containers.find(({ name }) => name === visitor.name);
  if (spec === undefined) return { kind: 'unknown' };
  return { kind: 'container', name: spec.name, mgmt: spec.roles.includes('mgmt') };
}

/** In the order caller, method, privilege. `ours`: below `/v1/`. */
export function admit({ endpoint }: Match, method: string, identity: Identity, ours: boolean): Admission {
  const refuse = (
    status: number,
    error: string,
    headers: Readonly<Record<string, string>> = {},
  ): Admission => ({
    ok: false,
    reply: { status, error, headers },
  });
  const texts = TEXTS[endpoint.kind];
  if (identity.kind === 'early') return refuse(500, 'State not loaded yet');
  if (identity.kind === 'unknown') return refuse(500, texts.unknown);
  const route = endpoint.routes.get(method);
  if (route === undefined) {
    const text = 'Method not supported for this endpoint';
    return ours ? refuse(405, text, { Allow: [...endpoint.routes.keys()].join(', ') }) : refuse(400, text);
  }
  const privileged = identity.kind === 'host' || identity.mgmt;
  if (!privileged && route.forAll !== true) return refuse(403, texts.forbidden);
  return { ok: true, route, caller: identity };
}
