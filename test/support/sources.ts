/** The sources as the architecture test sees them: files, their import lines, their text without comments. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Made by npm, by the build and by git: no part of the sources. */
const MADE = new Set(['node_modules', '.build', '.git']);

export interface Import {
  /** Path from the root for our own files, the specifier for everything else. */
  readonly target: string;
  readonly own: boolean;
  /** Vanishes when the types are stripped. */
  readonly typeOnly: boolean;
}

export function topLevelEntries(): string[] {
  return readdirSync(ROOT).filter((name) => !MADE.has(name));
}

/** Paths from the root of all files below `directory`. */
export function filesBelow(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = normalize(join(directory, entry.name));
    if (entry.isDirectory()) return MADE.has(entry.name) ? [] : filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The text with comments blanked. Strings stay, so a `//` in one may cost the rest of its line: good enough here. */
export function codeOf(path: string): string {
  return textOf(path)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '');
}

export function importsOf(path: string): Import[] {
  const code = codeOf(path);
  const statements = code.matchAll(/^(?:import|export)\s+(type\s)?([^'";]*?\sfrom\s+)?'([^']+)'/gm);
  const calls = code.matchAll(/\bimport\(\s*'([^']+)'/g);
  return [
    ...[...statements].map(([, type, names, specifier = '']) =>
      importOf(path, specifier, type !== undefined || namesTypesOnly(names)),
    ),
    ...[...calls].map(([, specifier = '']) => importOf(path, specifier, false)),
  ];
}

/** `{ type A, type B }` */
function namesTypesOnly(names: string | undefined): boolean {
  const inside = /^\{([^}]*)\}\s+from\s+$/.exec(names ?? '')?.[1];
  if (inside === undefined) return false;
  const each = inside
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return each.length > 0 && each.every((name) => name.startsWith('type '));
}

function importOf(path: string, specifier: string, typeOnly: boolean): Import {
  const own = specifier.startsWith('.');
  return { target: own ? normalize(join(dirname(path), specifier)) : specifier, own, typeOnly };
}
