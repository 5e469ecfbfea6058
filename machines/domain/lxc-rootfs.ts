/** What a container's own LXC configuration says of its root file system (storage §7.2): the one key of it that we
 *  read, since we assemble the root file system ourselves. */

export type Rootfs =
  /** No `lxc.rootfs.path` at all. */
  | { readonly kind: 'none' }
  | { readonly kind: 'directory'; readonly path: string }
  /** Topmost lower layer first. */
  | { readonly kind: 'overlay'; readonly lowers: readonly string[]; readonly upper: string };

export type ParsedRootfs =
  | { readonly ok: true; readonly rootfs: Rootfs }
  | { readonly ok: false; readonly reason: string; readonly fix: string };

/** What of a configuration matters here, in document order: later values win, includes stand where they are. */
export type RootfsLine =
  | { readonly kind: 'path'; readonly value: string }
  | { readonly kind: 'include'; readonly path: string };

export function rootfsLines(config: string): readonly RootfsLine[] {
  return config.split('\n').flatMap((line): RootfsLine[] => {
    const match = /^\s*(lxc\.rootfs\.path|lxc\.include)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) return [];
    const value = unquoted(match[2] ?? '');
    return [match[1] === 'lxc.include' ? { kind: 'include', path: value } : { kind: 'path', value }];
  });
}

/** The value of `lxc.rootfs.path`: a plain or `dir:` path, or `overlay:` / `overlayfs:` with colon-separated layers
 *  of which the last is the upper one. Empty clears, as in LXC. */
export function parseRootfs(value: string): ParsedRootfs {
  if (value === '') return { ok: true, rootfs: { kind: 'none' } };
  if (value.startsWith('/')) return { ok: true, rootfs: { kind: 'directory', path: value } };
  const [backend = '', ...layers] = value.split(':');
  const relative = layers.find((layer) => !layer.startsWith('/'));
  if (relative !== undefined) {
    return refused(`"${relative}" is not an absolute path`, 'Write every layer as an absolute path.');
  }
  const last = layers.at(-1);
  switch (backend) {
    case 'dir':
      if (layers.length !== 1 || last === undefined)
        return refused('"dir:" takes one path', 'Give one path.');
      return { ok: true, rootfs: { kind: 'directory', path: last } };
    case 'overlay':
    case 'overlayfs':
      if (layers.length < 2 || last === undefined) {
        return refused('an overlay needs a lower and an upper directory', 'Write overlay:LOWER:UPPER.');
      }
      return { ok: true, rootfs: { kind: 'overlay', lowers: layers.slice(0, -1), upper: last } };
    default:
      return refused(
        `storage back-end "${backend}" is not supported`,
        'Use a directory, or overlayfs:LOWER[:LOWER…]:UPPER.',
      );
  }
}

function refused(reason: string, fix: string): ParsedRootfs {
  return { ok: false, reason, fix };
}

/** LXC takes one pair of quotes off a value. */
function unquoted(value: string): string {
  const quote = value[0];
  const quoted = value.length > 1 && (quote === '"' || quote === "'") && value.endsWith(quote);
  return quoted ? value.slice(1, -1) : value;
}
