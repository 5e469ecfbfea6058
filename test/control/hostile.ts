/** What a container may try: every route without a role, names that are none, lines that do not end. */

import { allRoutes } from '../../adapters/control/routes.ts';

/** Generated from the routes, so that a new one is among them: all that `nobody` may not call. */
export const FORBIDDEN = allRoutes()
  .filter(({ forAll }) => forAll !== true)
  .map(({ method, path }) => ({ method, target: path.replaceAll('{}', 'x') }));

/** As they stand in a request line. */
const NAMES = [
  ['..', '..'],
  ['.', '.'],
  ['a slash', 'a/b'],
  ['an escaped slash', '..%2f..%2fetc'],
  ['NUL', 'a\0b'],
  ['an escaped NUL', 'a%00b'],
  ['a control character', 'a\x01b'],
  ['DEL', 'a\x7fb'],
  ['half a character', 'a\xc3'],
  ['10 kB', 'x'.repeat(10_240)],
  ['256 bytes', 'x'.repeat(256)],
  ['a path to the kernel', '../../../../proc/sys/kernel/hostname'],
] as const;

/** Escapes are not decoded in names, so these are plain, if odd. */
const HARMLESS = ['an escaped slash', 'an escaped NUL'];

/** Everywhere a name can be given. */
export function attacks() {
  const places = allRoutes().filter(({ method, path }) => method !== 'GET' && path.includes('{}'));
  return places.flatMap(({ method, path }) =>
    NAMES.filter(([what]) => !(method === 'PUT' && path.includes('-meta') && HARMLESS.includes(what))).map(
      ([what, name]) => ({ method, target: path.replace('{}', () => name), why: `${path} with ${what}` }),
    ),
  );
}

/** Each in the request line, in one header, and in many. */
export const SIZES = [6 * 1024, 64 * 1024, 1024 * 1024].flatMap((size) => [
  { size, what: 'a request line', bytes: `GET /${'x'.repeat(size)} HTTP/1.1\r\nConnection: close\r\n\r\n` },
  {
    size,
    what: 'a header',
    bytes: `GET /containers HTTP/1.1\r\nConnection: close\r\nX-Long: ${'x'.repeat(size)}\r\n\r\n`,
  },
  {
    size,
    what: 'headers',
    bytes: `GET /containers HTTP/1.1\r\nConnection: close\r\n${'X-Many: 0123456789abcdef\r\n'.repeat(size / 26)}\r\n`,
  },
]);
