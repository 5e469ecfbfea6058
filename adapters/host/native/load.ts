/** Finds and loads the addon that `build.ts` made; says why when there is none. Its C side is `sysx.c`. */

import { existsSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';

/** What `sysx.c` exports. Every function throws `{ errno, syscall }`; those that give a promise reject it. */
export interface Sysx {
  mount(source: string, target: string, fsType: string | null, flags: number, data: string | null): void;
  /** `loopBase` -1, as without it: any loop device. */
  mountImage(image: string, target: string, fsType: string, loopBase?: number): Promise<void>;
  detachLoop(device: string): void;
  unmount(target: string): Promise<void>;
  watch(pid: number, gone: () => void): WatchHandle;
  unwatch(handle: WatchHandle): void;
  signal(handle: WatchHandle, signal: number): void;
  /** Starts a program that outlives us; gives its pid. */
  launch(argv: readonly string[]): Promise<number>;
  /** Wait status of a launched program that has ended. */
  reap(pid: number): number;
  /** Gives the seconds that the watchdog has made of it. */
  setWatchdogTimeout(descriptor: number, seconds: number): number;
}
declare const watchHandle: unique symbol;
/** Opaque: a pidfd in the event loop. */
export interface WatchHandle {
  readonly [watchHandle]: never;
}

export type Loaded =
  | { readonly ok: true; readonly value: Sysx }
  | { readonly ok: false; readonly reason: string };

/** The path is the same seen from the sources and from the bundle: both know the package's root. */
export function nativePath(packageRoot: string): string {
  return join(packageRoot, '.build', `sysx-${arch()}.node`);
}

export function loadNative(packageRoot: string): Loaded {
  const path = nativePath(packageRoot);
  if (!existsSync(path)) return { ok: false, reason: `no native addon at ${path}` };
  try {
    // As `require` does in the end; what it does before takes longer than loading.
    const module = { exports: {} };
    process.dlopen(module, path);
    return { ok: true, value: module.exports as Sysx };
  } catch (error) {
    return { ok: false, reason: `${path} does not load: ${error instanceof Error ? error.message : error}` };
  }
}
