#!/usr/bin/env node
/** The command's file: runs the bundle that `npm run prepare` made, with V8's code cache beside it, so that a start
 *  costs little more than Node's own. The cache is named after Node and after the bundle: V8 itself only compares the
 *  lengths of two sources. A directory that cannot be written to costs the cache, nothing else. */

'use strict';

const { existsSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const v8 = require('node:v8');
const { Script, constants } = require('node:vm');

const bundle = join(__dirname, '..', '..', '.build', 'statevisor.cjs');

/** A supervisor shares few cores with the containers that it starts, and is idle once they run: V8's optimising
 *  compiler, which works beside it in threads of its own, only takes time from a boot. */
const verb = process.argv[2] === 'run' ? 'run' : 'other';
if (verb === 'run') v8.setFlagsFromString('--no-opt');
// Everything else, the simulator above all, is over before most of what it calls is worth optimising: only what is
// called fifteen times as often as usual. Unless it goes on to serve.
else if (!process.argv.includes('--listen')) v8.setFlagsFromString('--interrupt-budget=2000000');

/** The bundle's first line is a comment of two slashes and the digest of the rest. A cache holds the functions that
 *  its first user called, and its flags: `run` has one of its own. */
function cacheOf(source) {
  const digest = source.slice(2, source.indexOf('\n'));
  return bundle.replace(/cjs$/, `${process.version}-${process.arch}.${digest}.${verb}.cache`);
}

/** Whatever is wrong with a cache, the bundle runs without. */
function readCache(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Failing is told only to who asks for it: a read-only installation is no error. */
function keep(file, data) {
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, data);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    if (process.env.NODE_DEBUG === 'statevisor') process.stderr.write(`no code cache: ${error.message}\n`);
  }
}

function run(source) {
  const cache = cacheOf(source);
  const cachedData = readCache(cache);
  const script = new Script(`(function(exports,require,module,__filename,__dirname){${source}\n})`, {
    filename: bundle,
    cachedData,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  if (cachedData === undefined || script.cachedDataRejected) {
    process.once('exit', () => keep(cache, script.createCachedData()));
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(bundle), module, bundle, join(bundle, '..'));
}

if (existsSync(bundle)) {
  // The bundle is ASCII; read as such, V8 takes it as it is.
  run(readFileSync(bundle, 'latin1'));
} else {
  process.stderr.write(`statevisor is not built: ${bundle} is missing. Run "npm run prepare".\n`);
  process.exitCode = 1;
}
