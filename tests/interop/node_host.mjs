// The guest in a host whose engine counts nothing: Node.js, with the component translated by jco.
//
//   node node_host.mjs TRANSLATED WORKLOADS BASELINE
//
// Runs the workloads that call no tool in the world that `cargo bench --bench fuel` runs them in, and fails when one uses other fuel
// than the baseline has, or when a script that does not end goes on beyond its fuel.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [translated, workloads, baselineFile] = process.argv.slice(2);
// How far the baseline's own test lets builds of the guest be apart.
const TOLERANCE = 0.01;
const NAMES = 'one_plus_one fib loop nbody json_text regex strings dicts sort classes imports'.split(' ');
const SLICE = 100_000n;
const LIMIT = 5_000_000_000n;

class OutOfFuel extends Error {}

// The import `meter`.
class Meter {
  used = 0n;
  given = 0n;
  constructor(limit) {
    this.limit = limit;
  }
  nextSlice = (balance) => {
    this.used += this.given - balance;
    if (this.used > this.limit) throw new OutOfFuel();
    this.given = this.limit - this.used < SLICE ? this.limit - this.used : SLICE;
    return this.given;
  };
}

// A clock that moves at each reading, and the same bytes each time: exuvia-test-support's `ScriptedIo`.
class World {
  now = 0n;
  byte = 0;
  monotonic = () => (this.now += 10_000n);
  wall = () => {
    const now = 1_800_000_000n * 1_000_000_000n + this.monotonic();
    return { seconds: now / 1_000_000_000n, nanoseconds: Number(now % 1_000_000_000n) };
  };
  random = (length) => Uint8Array.from({ length: Number(length) }, () => (this.byte = (this.byte * 5 + 113) & 0xff));
}

class None {}
const nothing = () => {
  throw new Error('this host has none');
};

function imports(meter, world) {
  const streams = { InputStream: None, OutputStream: None };
  const sockets = { Network: None, TcpSocket: None, UdpSocket: None, IncomingDatagramStream: None, OutgoingDatagramStream: None };
  return {
    'exuvia:sandbox/meter': meter,
    'exuvia:sandbox/output': { write() {} },
    'exuvia:sandbox/tools': {
      PendingCall: None,
      servers: () => [{ pythonName: 'lab', name: 'lab' }],
      listTools: () => [],
      describe: () => undefined,
      search: nothing,
      scriptEnded() {},
      call: nothing,
      start: nothing,
      wait: () => [],
    },
    'wasi:cli/environment': { getArguments: () => [], getEnvironment: () => [] },
    'wasi:cli/exit': { exit: nothing },
    'wasi:cli/stdin': { getStdin: () => new None() },
    'wasi:cli/stdout': { getStdout: () => new None() },
    'wasi:cli/stderr': { getStderr: () => new None() },
    'wasi:cli/terminal-input': { TerminalInput: None },
    'wasi:cli/terminal-output': { TerminalOutput: None },
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => undefined },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => undefined },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => undefined },
    'wasi:clocks/monotonic-clock': {
      now: world.monotonic,
      resolution: () => 1n,
      subscribeDuration: nothing,
      subscribeInstant: nothing,
    },
    'wasi:clocks/wall-clock': { now: world.wall, resolution: () => ({ seconds: 0n, nanoseconds: 1 }) },
    'wasi:filesystem/preopens': { getDirectories: () => [] },
    'wasi:filesystem/types': { Descriptor: None, DirectoryEntryStream: None, filesystemErrorCode: nothing },
    'wasi:io/error': { Error: None },
    'wasi:io/poll': { Pollable: None, poll: nothing },
    'wasi:io/streams': streams,
    'wasi:random/random': { getRandomBytes: world.random },
    'wasi:sockets/instance-network': { instanceNetwork: nothing },
    'wasi:sockets/ip-name-lookup': { ResolveAddressStream: None, resolveAddresses: nothing },
    'wasi:sockets/network': sockets,
    'wasi:sockets/tcp': sockets,
    'wasi:sockets/tcp-create-socket': { createTcpSocket: nothing },
    'wasi:sockets/udp': sockets,
    'wasi:sockets/udp-create-socket': { createUdpSocket: nothing },
  };
}

const { instantiate } = await import(pathToFileURL(join(translated, 'guest.js')));
const compiled = new Map();

async function core(file) {
  if (!compiled.has(file)) compiled.set(file, await WebAssembly.compile(await readFile(join(translated, file))));
  return compiled.get(file);
}

async function run(source, limit) {
  const meter = new Meter(limit);
  const guest = await instantiate(core, imports(meter, new World()));
  try {
    return { outcome: guest.run({ source, resultBytes: 1n << 20n }), meter };
  } catch (error) {
    if (!(error instanceof OutOfFuel)) throw error;
    return { outcome: { tag: 'out of fuel' }, meter };
  }
}

const baseline = JSON.parse(await readFile(baselineFile, 'utf8'));
let wrong = 0;
for (const name of NAMES) {
  const source = await readFile(join(workloads, `${name}.py`), 'utf8');
  const begun = performance.now();
  const { outcome, meter } = await run(source, LIMIT);
  const ms = performance.now() - begun;
  const apart = Number(meter.used) / baseline[name] - 1;
  const fits = outcome.tag === 'returned' && Math.abs(apart) <= TOLERANCE;
  wrong += fits ? 0 : 1;
  const value = fits ? '' : JSON.stringify(outcome);
  console.log(`${name.padEnd(14)} ${String(meter.used).padStart(13)} ${(100 * apart).toFixed(3).padStart(8)} % ${ms.toFixed(0).padStart(6)} ms ${value}`);
}
const endless = await run('while True: pass', 50_000_000n);
const stopped = endless.outcome.tag === 'out of fuel' && endless.meter.used <= 50_000_000n + SLICE;
console.log(`an endless loop: ${endless.outcome.tag} after ${endless.meter.used}`);
process.exit(wrong === 0 && stopped ? 0 : 1);
