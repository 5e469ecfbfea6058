/** The head of a request: what may stand in it, which body it announces, and the same once more as Node's parser wants
 *  it (control API §2, §8). The clients that exist send what Node refuses: `Transfer-Encoding: identity`, a second and
 *  empty `Content-Length`, bare line feeds. What could be read in two ways is refused, unless §2 says which one is
 *  meant. Text in, text out; where a head ends in a stream is found in `collector.ts`. */

export type Head =
  | { readonly kind: 'refused'; readonly status: 400 | 417 | 501 }
  /** Sent to another host: the connection is closed without an answer (§2). */
  | { readonly kind: 'foreign' }
  | AcceptedHead;

export interface AcceptedHead {
  readonly kind: 'accepted';
  /** For Node's parser, with the empty line. */
  readonly text: string;
  /** What was asked for, byte for byte in latin1: Node's parser takes only ASCII, clients send names as they are. */
  readonly target: string;
  /** Bytes of the body, or a body in chunks. */
  readonly body: number | 'chunked';
  /** The client waits for `100 Continue` before it sends the body. */
  readonly waits: boolean;
}

interface Field {
  /** In lower case. */
  readonly name: string;
  readonly value: string;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'HEAD', 'PUT', 'DELETE']);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** From the root, or absolute. */
const TARGET = /^(?:\/|[A-Za-z][A-Za-z0-9+.-]*:\/\/)[\x21-\x7e\x80-\xff]*$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Each costs time, even if it is short. */
export const MAX_FIELDS = 256;
/** More would not be an exact number. */
const LENGTH = /^\d{1,15}$/;
/** These speak of one connection and of one body; what holds for Node's parser is said anew. */
const FRAMING: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade'],
]);

/** `text` is the head in latin1, which keeps every byte, up to the empty line. */
export function readHead(text: string): Head {
  const [first = '', ...lines] = text
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const [method = '', target = '', version = '', ...more] = first.split(' ');
  if (more.length > 0 || !TOKEN.test(method) || !TARGET.test(target) || !/^HTTP\/1\.\d$/.test(version))
    return { kind: 'refused', status: 400 };
  const fields = fieldsOf(lines);
  if (fields === undefined) return { kind: 'refused', status: 400 };
  if (!isOurHost(target, valuesOf(fields, 'host'))) return { kind: 'foreign' };
  if (!METHODS.has(method)) return { kind: 'refused', status: 501 };
  const old = version === 'HTTP/1.0';
  const body = bodyOf(fields, old);
  if (body === undefined) return { kind: 'refused', status: 400 };
  const expectations = old ? [] : valuesOf(fields, 'expect');
  if (expectations.some((value) => value.toLowerCase() !== '100-continue'))
    return { kind: 'refused', status: 417 };
  const framing = [
    `Connection: ${staysOpen(fields, old) ? 'keep-alive' : 'close'}`,
    ...(body === 'chunked' ? ['Transfer-Encoding: chunked'] : []),
    // Without one, no body: not even an empty one is announced.
    ...(typeof body === 'number' && body > 0 ? [`Content-Length: ${body}`] : []),
  ];
  const others = fields
    .filter(({ name }) => !FRAMING.has(name))
    .map(({ name, value }) => `${name}: ${value}`);
  const request = `${method} ${inAscii(target)} HTTP/1.${old ? 0 : 1}`;
  return {
    kind: 'accepted',
    target,
    text: [request, ...framing, ...others, '', ''].join('\r\n'),
    body,
    waits: expectations.length > 0,
  };
}

function inAscii(target: string): string {
  return target.replace(/[\x80-\xff]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
}

/** Undefined for a line that is no field: no colon, a blank before it, a folded line, a control character. */
export function fieldOf(line: string): Field | undefined {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0));
  const value = line.slice(colon + 1);
  return TOKEN.test(name) && VALUE.test(value)
    ? { name: name.toLowerCase(), value: value.trim() }
    : undefined;
}

function fieldsOf(lines: readonly string[]): readonly Field[] | undefined {
  if (lines.length > MAX_FIELDS) return undefined;
  const fields = lines.map(fieldOf).filter((field) => field !== undefined);
  return fields.length === lines.length ? fields : undefined;
}

function valuesOf(fields: readonly Field[], name: string): readonly string[] {
  return fields.filter((field) => field.name === name).map(({ value }) => value);
}

/** Absent, empty or `localhost`, whatever the port; a host in the request target counts too. */
function isOurHost(target: string, hosts: readonly string[]): boolean {
  const authority = /^[^/]+:\/\/([^/?#]*)/.exec(target)?.[1] ?? '';
  return [authority, ...hosts].every((host) => ['', 'localhost'].includes(host.replace(/:\d*$/, '')));
}

/** `identity` says nothing; the first length that is not empty counts (§2). Undefined when this cannot be a body: an
 *  unknown coding, chunks in HTTP/1.0, chunks and a length, no number. */
function bodyOf(fields: readonly Field[], old: boolean): number | 'chunked' | undefined {
  const codings = valuesOf(fields, 'transfer-encoding')
    .map((value) => value.toLowerCase())
    .filter((coding) => coding !== 'identity');
  const lengths = valuesOf(fields, 'content-length');
  if (codings.length > 0)
    return !old && lengths.length === 0 && codings.length === 1 && codings[0] === 'chunked'
      ? 'chunked'
      : undefined;
  if (lengths.length === 0) return 0;
  const length = lengths.find((value) => value !== '');
  return length !== undefined && LENGTH.test(length) ? Number(length) : undefined;
}

/** HTTP/1.1 unless it says `close`, HTTP/1.0 only if it says `keep-alive`. */
function staysOpen(fields: readonly Field[], old: boolean): boolean {
  const wishes = valuesOf(fields, 'connection').flatMap((value) => value.toLowerCase().split(/[ \t,]+/));
  return !wishes.includes('close') && (!old || wishes.includes('keep-alive'));
}
