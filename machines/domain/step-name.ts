/** Names of revisions as clients spell them (control API §6.7): `0`, `7`, `locals/blue`. They become directories. */

const MAX_LOCAL_BYTES = 64;

/** Whether a client may install a revision under this name: `locals/` and one more component of at most 64 bytes. */
export function isLocalName(name: string): boolean {
  const [parent, own, ...more] = name.split('/');
  if (parent !== 'locals' || own === undefined || more.length > 0) return false;
  return isComponent(own) && new TextEncoder().encode(own).length <= MAX_LOCAL_BYTES;
}

/** Whether it can be the name of any revision, local or not. `current` is a link, never a revision. */
export function isRevisionName(name: string): boolean {
  return (
    isLocalName(name) || (isComponent(name) && name !== 'locals' && name !== 'current' && name.length <= 255)
  );
}

/** Dot entries are the store's own; control characters, spaces and what looks encoded belong into no name. */
function isComponent(text: string): boolean {
  return text !== '' && !text.startsWith('.') && !/[\p{Cc}\p{Zs}\\/%]/u.test(text);
}
