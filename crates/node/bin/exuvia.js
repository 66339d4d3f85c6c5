#!/usr/bin/env node
// The program `exuvia`, from the package for this platform.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';

const require = createRequire(import.meta.url);
const { version, optionalDependencies: packages = {} } = require('../package.json');

// Node.js does not say which C library it is for, but its report does: the program needs that of GNU.
const isGlibc = () => process.platform !== 'linux' || Boolean(process.report.getReport().header.glibcVersionRuntime);

function program() {
  if (process.env.EXUVIA_BINARY) return process.env.EXUVIA_BINARY;
  const platform = `${process.platform}-${process.arch}`;
  const name = `@exuvia/${platform}`;
  if (!isGlibc()) return fail('the program exuvia needs Linux with glibc; the library of this package works here all the same');
  if (!(name in packages)) {
    const known = Object.keys(packages).map((one) => one.replace('@exuvia/', ''));
    return fail(`there is no program exuvia for ${platform}, only for ${known.join(', ')}; the library of this package works here all the same`);
  }
  try {
    return require.resolve(`${name}/bin/exuvia${process.platform === 'win32' ? '.exe' : ''}`);
  } catch {
    return fail(`the package ${name}@${version} is not installed: install exuvia without --omit=optional (--no-optional)`);
  }
}

function fail(message) {
  process.stderr.write(`exuvia: ${message}\n`);
  process.exit(1);
}

const child = spawn(program(), process.argv.slice(2), { stdio: 'inherit' });
// The terminal signals both; what somebody sends to this process is for the program.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => signal === 'SIGTERM' || signal === 'SIGHUP' ? child.kill(signal) : undefined);
child.on('error', (error) => fail(`the program cannot be started: ${error.message}`));
child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
