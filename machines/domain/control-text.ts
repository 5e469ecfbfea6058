/** JSON as the control socket sends it: compact, and spelled as the reference spells it (control API §5). */

/** Integers below 10^17 come out plain, `/` is not escaped. Lone surrogates are escaped, so that the text is always
 *  valid UTF-8. `undefined` members are left out, as JSON.stringify does. */
export function controlJson(value: string | number | boolean | object | null): string {
  const text = JSON.stringify(value);
  return text.includes('\\u') ? text.replace(ESCAPES, upperHex) : text;
}

/** Every escape, so that the `u` of an escaped backslash is not taken for one; control characters are \u0000 to \u001f. */
const ESCAPES = /\\(?:u(00[01][0-9a-f])|.)/g;

function upperHex(found: string, digits: string | undefined): string {
  return digits === undefined ? found : `\\u${digits.toUpperCase()}`;
}
