/** The head of a request as Node's parser wants it (control API §2, §8). The clients that exist send what Node
 *  refuses: `Transfer-Encoding: identity`, a second and empty `Content-Length`, bare line feeds. One request per
 *  connection: the answer always closes it. Bytes in, bytes out; sockets are elsewhere. */

/** Bytes that a head may have. */
export const MAX_HEAD_BYTES = 64 * 1024;

export type Head =
  /** The empty line has not come yet. */
  | { readonly kind: 'partial' }
  | { readonly kind: 'tooLong' }
  /** Sent to another host: the connection is closed without an answer (§2). */
  | { readonly kind: 'foreign' }
  /** `bytes` replace the received ones: the head, then what followed it. */
  | { readonly kind: 'complete'; readonly bytes: Buffer };

/** Whether an empty line ends somewhere in these bytes; its line feeds lie at most two bytes apart. */
export function endsHead(bytes: Buffer): boolean {
  return /\n\r?\n/.test(bytes.toString('latin1'));
}

export function normaliseHead(received: Buffer): Head {
  // latin1 keeps every byte; the parser judges them.
  const text = received.subarray(0, MAX_HEAD_BYTES).toString('latin1');
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return received.length >= MAX_HEAD_BYTES ? { kind: 'tooLong' } : { kind: 'partial' };
  const [request = '', ...lines] = text.slice(0, end.index).split(/\r?\n/);
  if (!isOurHost(request, lines)) return { kind: 'foreign' };
  const head = [request, ...normaliseFields(lines), 'Connection: close', '', ''].join('\r\n');
  const rest = received.subarray(end.index + end[0].length);
  return { kind: 'complete', bytes: Buffer.concat([Buffer.from(head, 'latin1'), rest]) };
}

function normaliseFields(lines: readonly string[]): readonly string[] {
  const length = lines.findIndex((line) => keyOf(line) === 'content-length' && /^\d+$/.test(textOf(line)));
  return lines.filter((line, index) => {
    switch (keyOf(line)) {
      case 'transfer-encoding':
        return textOf(line).toLowerCase() !== 'identity';
      case 'content-length':
        // Without a usable one they all stay, for the parser to refuse.
        return length === -1 || index === length;
      case 'connection':
        return false;
      default:
        return true;
    }
  });
}

/** Absent, empty or `localhost`, whatever the port; a host in the request target counts too. */
function isOurHost(request: string, lines: readonly string[]): boolean {
  const target = /^\S+ [a-z][a-z0-9+.-]*:\/\/([^/?#\s]*)/i.exec(request)?.[1];
  const fields = lines.filter((line) => keyOf(line) === 'host').map(textOf);
  return [target ?? '', ...fields].every((host) => ['', 'localhost'].includes(host.replace(/:\d*$/, '')));
}

function keyOf(line: string): string {
  return line
    .slice(0, Math.max(line.indexOf(':'), 0))
    .trimEnd()
    .toLowerCase();
}

function textOf(line: string): string {
  return line.slice(line.indexOf(':') + 1).trim();
}
