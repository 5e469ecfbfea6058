/** Kernel modules by the system's own modprobe (state format §12). Which lines to load, and when, is decided by the
 *  charts; here one line is loaded, and every way in which that does not work gets an error that says so. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release as runningRelease } from 'node:os';
import { join } from 'node:path';
import type { ModuleLoader, ModuleRequest } from '../../actors/ports.ts';
import { SupervisorError } from '../../machines/domain/fault.ts';
import { type Finished, run } from './exec.ts';
import { errnoOf, errnoOfText } from './kernel-error.ts';
import { lastKernelLine } from './kernel-log.ts';

export interface ModuleLoaderOptions {
  readonly modprobe?: string;
  readonly modinfo?: string;
  /** Where `lib/modules` lies. */
  readonly root?: string;
  readonly release?: string;
  /** modprobe decides and does nothing; the running kernel is not asked either. */
  readonly dryRun?: boolean;
  readonly sysModule?: string;
  readonly procModules?: string;
}

const KERNEL_LINE_AGE_MS = 5000;

export function createModuleLoader(options: ModuleLoaderOptions = {}): ModuleLoader {
  const {
    modprobe = 'modprobe',
    modinfo = 'modinfo',
    root = '/',
    release = runningRelease(),
    dryRun = false,
    sysModule = '/sys/module',
    procModules = '/proc/modules',
  } = options;
  const tree = join(root, 'lib', 'modules');
  const place = ['-d', root, '-S', release];

  async function load({ module, parameters }: ModuleRequest, signal: AbortSignal): Promise<void> {
    if (isPresent(module)) return;
    if (!dryRun && !existsSync(procModules)) {
      throw failed(
        module,
        `kernel ${release} was built without module support and does not have it built in`,
        {
          errno: 'ENOSYS',
          fix: 'Build the driver into the kernel, or build the kernel with CONFIG_MODULES=y.',
        },
      );
    }
    const done = await call(modprobe, module, [...place, '--', module, ...parameters], signal);
    if (done.code !== 0) throw loadFault(module, done);
    if (!dryRun) await requireParameters(module, parameters);
  }

  async function unload(module: string): Promise<void> {
    if (!dryRun && !isLoaded(module)) return;
    const done = await call(modprobe, module, [...place, '-r', '--', module]);
    if (done.code === 0) return;
    const text = lastLine(done);
    const errno = /in use/.test(text) ? 'EBUSY' : reasonOf(text);
    throw failed(module, `unloading: ${text}`, {
      ...(errno === undefined ? {} : { errno }),
      fix: 'End what uses it: lsmod shows its users, /proc/*/maps and open devices the rest.',
    });
  }

  async function call(program: string, module: string, args: readonly string[], signal?: AbortSignal) {
    try {
      const dry = dryRun && program === modprobe ? ['-n'] : [];
      return await run(program, [...dry, ...args], signal === undefined ? {} : { signal });
    } catch (cause) {
      if (signal?.aborted) throw failed(module, 'given up on request', { cause });
      const errno = errnoOf(cause);
      if (errno === undefined) throw cause;
      throw failed(module, `${program} cannot be run`, { errno, fix: 'Install kmod.', cause });
    }
  }

  /** Loaded already or built in: either way there is nothing to do. */
  function isPresent(module: string): boolean {
    return (
      isBuiltIn(module) || (!dryRun && existsSync(join(sysModule, underscored(module))) && isLive(module))
    );
  }

  /** Built-in modules have no `initstate`; one that is only just loading or going says so in it. */
  function isLive(module: string): boolean {
    const state = textOf(join(sysModule, underscored(module), 'initstate'));
    return state === undefined || state.trim() === 'live';
  }

  function isLoaded(module: string): boolean {
    return existsSync(join(sysModule, underscored(module), 'initstate'));
  }

  function isBuiltIn(module: string): boolean {
    const list = textOf(join(tree, release, 'modules.builtin')) ?? '';
    return list.split('\n').some((path) => underscored(baseName(path)) === underscored(module));
  }

  function loadFault(module: string, done: Finished): SupervisorError {
    const text = lastLine(done);
    if (!existsSync(join(tree, release))) {
      const found = existsSync(tree) ? readdirSync(tree) : [];
      return failed(
        module,
        `there are no modules for kernel ${release} in ${tree} (found: ${found.join(', ') || 'none'})`,
        { errno: 'ENOENT', fix: "Let the BSP's modules image and its kernel come from the same build." },
      );
    }
    if (/not found in directory/.test(text)) {
      return failed(
        module,
        `kernel ${release} has no such module, neither in ${tree}/${release} nor built in`,
        {
          errno: 'ENOENT',
          fix: 'Check the name in bsp/drivers.json, or add the module to the BSP.',
        },
      );
    }
    const errno = reasonOf(text);
    const words = dryRun ? undefined : lastKernelLine(wordOf(module), KERNEL_LINE_AGE_MS);
    return failed(module, `${text}${words === undefined ? '' : `; the kernel says "${words}"`}`, {
      ...(errno === undefined ? {} : { errno }),
      fix: FIXES[errno ?? ''] ?? `Try it by hand: modprobe -v ${module}, then dmesg | tail.`,
    });
  }

  /** The kernel ignores a parameter that the module does not have, and reports success. */
  async function requireParameters(module: string, parameters: readonly string[]): Promise<void> {
    const directory = join(sysModule, underscored(module), 'parameters');
    let declared: ReadonlySet<string> | undefined;
    for (const parameter of parameters) {
      const [name = '', ...rest] = parameter.split('=');
      if (name === '' || name.includes('.')) continue; // `dyndbg.…` and the like are the kernel's own.
      const actual = textOf(join(directory, underscored(name)))?.trim();
      if (actual !== undefined) {
        requireValue(module, name, rest.join('='), actual);
        continue;
      }
      declared ??= await declaredParameters(module);
      if (declared.has(underscored(name))) continue; // Declared, but kept from view.
      throw failed(module, `it has no parameter "${name}", so "${parameter}" was ignored`, {
        errno: 'EINVAL',
        fix: `Correct the line in bsp/drivers.json; modinfo -p ${module} lists its parameters.`,
      });
    }
  }

  async function declaredParameters(module: string): Promise<ReadonlySet<string>> {
    const { stdout } = await call(modinfo, module, ['-b', root, '-k', release, '-F', 'parm', module]);
    return new Set(stdout.split('\n').map((line) => underscored(line.split(':')[0] ?? '')));
  }

  return { load, unload };
}

function requireValue(module: string, name: string, wanted: string, actual: string): void {
  if (sameValue(wanted, actual)) return;
  throw failed(module, `parameter "${name}" is "${actual}" after loading, not "${wanted}"`, {
    errno: 'EINVAL',
    fix: 'Give a value that the module accepts as it stands.',
  });
}

/** The kernel prints numbers in decimal, booleans as Y and N, and a bare name as a boolean that is set. */
function sameValue(wanted: string, actual: string): boolean {
  if (wanted === actual) return true;
  if (/^[YN]$/.test(actual)) return (actual === 'Y') === /^([yY1]|on|ON|)$/.test(wanted);
  const list = (text: string) =>
    text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const [left, right] = [list(wanted), list(actual)];
  return left.length <= right.length && left.every((number, index) => number === right[index]);
}

const FIXES: Readonly<Record<string, string>> = {
  EPERM: 'Run the supervisor as root with CAP_SYS_MODULE, and check /proc/sys/kernel/modules_disabled.',
  ENOKEY:
    'Sign the module with a key that the kernel trusts: it and the kernel must come from the same build.',
  EKEYREJECTED: 'Sign the module with a key that the kernel trusts.',
  ENOEXEC:
    "The module was built for another kernel: let the BSP's modules and its kernel come from one build.",
  ENOENT: 'A symbol or a module it depends on is missing: let modules and kernel come from one build.',
  EINVAL: 'A parameter has a value that the module refuses.',
  ENODEV: 'The hardware it drives was not found: check the device tree and the wiring.',
  ENOSYS: 'This kernel cannot load modules: build the driver into it.',
};

function failed(
  module: string,
  reason: string,
  details: { errno?: string; fix?: string; cause?: unknown },
): SupervisorError {
  return new SupervisorError('MODULE_FAILED', `kernel module "${module}": ${reason}`, {
    subject: module,
    ...details,
  });
}

/** `modprobe: ERROR: could not insert 'radio': Exec format error` without its prefix. */
function lastLine({ stderr, stdout, code, signal }: Finished): string {
  const line = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
  const text = line.replace(/^modprobe: (?:ERROR|FATAL): /, '');
  return text === '' ? `modprobe ended with ${code ?? signal}` : text;
}

/** kmod words some errors of modules its own way. */
function reasonOf(text: string): string | undefined {
  if (/Unknown symbol in module/.test(text)) return 'ENOENT';
  return errnoOfText(text.slice(text.lastIndexOf(': ') + 2));
}

function wordOf(module: string): RegExp {
  return new RegExp(`\\b${underscored(module).replace(/[^A-Za-z0-9]/g, '[-_.]')}\\b`);
}

/** To modprobe, dash and underscore are the same. */
function underscored(name: string): string {
  return name.replaceAll('-', '_');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.ko.*$/, '');
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
