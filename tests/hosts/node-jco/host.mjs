// A host of the guest on Node.js, with the component translated by jco (`jco transpile --instantiation async`).
//
// All imports are synchronous here, as they are in the contract: a tool is asked for its answer, and says after how long it is there.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const SLICE = 1_000_000n;
const DEFAULTS = {
  fuel: 20_000_000_000,
  wall_ms: 60_000,
  tool_calls: 10_000,
  concurrent_calls: 32,
  call_timeout_ms: 30_000,
  call_arguments_bytes: 4 << 20,
  call_result_bytes: 16 << 20,
  log_bytes: 256 << 10,
  result_bytes: 16 << 20,
  source_bytes: 1 << 20,
};

// A limit was met: it passes through the guest, so that no script can catch it.
class Stopped extends Error {
  constructor(limit) {
    super(limit);
    this.limit = limit;
  }
}

class Exited extends Error {}

const bytes = (text) => Buffer.byteLength(text);
// jco takes what is thrown with a payload for the error of a `result`.
const failed = (tag, val) => ({ payload: { tag, val } });
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const sleep = (ms) => ms > 0 && Atomics.wait(sleeper, 0, 0, ms);

class PendingCall {
  constructor(run, call) {
    this.run = run;
    this.call = call;
  }
  id() {
    return BigInt(this.call.id);
  }
  take() {
    if (this.call.taken) throw failed('upstream-unavailable', 'the result of this call was already taken');
    this.call.taken = true;
    this.run.unreported.delete(this.call);
    return this.run.answerOf(this.call);
  }
  [Symbol.dispose]() {
    this.call.taken = true;
    this.run.unreported.delete(this.call);
  }
}

// One run: its state, and the functions that the guest imports.
class Run {
  used = 0n;
  given = 0n;
  log = '';
  calls = [];
  unreported = new Set();
  ended = false;

  constructor(servers, tools, limits) {
    this.servers = servers;
    this.tools = tools;
    this.limits = { ...DEFAULTS, ...limits };
    this.end = performance.now() + this.limits.wall_ms;
  }

  print(text) {
    const room = this.limits.log_bytes - bytes(this.log);
    this.log += new TextDecoder().decode(Buffer.from(text).subarray(0, Math.max(room, 0)), { stream: true });
  }

  inTime() {
    if (performance.now() >= this.end) throw new Stopped('wall_ms');
  }

  // Waits until a moment, or until the run has no time left.
  sleepUntil(moment) {
    sleep(Math.min(moment, this.end) - performance.now());
    this.inTime();
  }

  nextSlice = (balance) => {
    if (balance > this.given) throw new Stopped('fuel');
    this.used += this.given - balance;
    const limit = BigInt(this.limits.fuel);
    if (this.used > limit) throw new Stopped('fuel');
    this.inTime();
    this.given = limit - this.used < SLICE ? limit - this.used : SLICE;
    return this.given;
  };

  find(server, tool) {
    const found = this.servers.find((one) => one.name === server);
    return found?.tools.find((one) => one.name === tool || one.python_name === tool);
  }

  describe = (server, name) => {
    const tool = this.find(server, name);
    return (
      tool && {
        pythonName: tool.python_name,
        name: tool.name,
        signature: tool.signature,
        documentation: tool.documentation,
        parameters: tool.parameters.map((one) => ({ pythonName: one.python_name, name: one.name, required: one.required })),
        acceptsOtherKeywords: tool.accepts_other_keywords,
      }
    );
  };

  // A call, with the moment at which its answer is there (never: Infinity).
  begin(server, tool, args) {
    if (this.calls.length >= this.limits.tool_calls) throw new Stopped('tool_calls');
    const call = { id: this.calls.length + 1, server, tool, outcome: 'cancelled', error: undefined, value: undefined, at: performance.now() };
    this.calls.push(call);
    const refuse = (code, val) => {
      call.error = { tag: code, val };
    };
    if (this.ended) refuse('denied', 'the script has ended');
    else if (!this.find(server, tool)) refuse('unknown-tool', `there is no tool ${server}.${tool}`);
    else if (bytes(args) > this.limits.call_arguments_bytes) this.tooLarge(call, 'call_arguments_bytes', bytes(args));
    else this.ask(call, JSON.parse(args));
    return call;
  }

  tooLarge(call, limit, used) {
    call.error = { tag: 'limit-reached', val: { limit, allowed: BigInt(this.limits[limit]), used: BigInt(used) } };
  }

  ask(call, args) {
    const answer = this.tools.take(call.server, call.tool, args);
    call.afterCalls = answer.after_calls ?? 0;
    // When fewer calls may be out at a time, one begins when another one ends.
    const out = this.calls.filter((other) => other.at > performance.now()).map((other) => other.at).sort((a, b) => b - a);
    const begin = out[this.limits.concurrent_calls - 1] ?? performance.now();
    call.timeout = begin + this.limits.call_timeout_ms;
    call.at = answer.answer === 'never' ? Infinity : begin + (answer.after_ms ?? 0);
    const { error, value } = answer.answer;
    if (error?.code === 'tool-failed') {
      const data = error.data === undefined ? undefined : JSON.stringify(error.data);
      call.error = { tag: error.code, val: { message: error.message, data } };
    } else if (error) {
      call.error = { tag: error.code, val: error.message };
    } else {
      call.value = JSON.stringify(value ?? null);
      if (bytes(call.value) > this.limits.call_result_bytes) this.tooLarge(call, 'call_result_bytes', bytes(call.value));
    }
  }

  // When the call has its answer, as far as that is known now.
  readyAt(call) {
    const at = this.tools.come >= (call.afterCalls ?? 0) ? call.at : Infinity;
    return Math.min(at, call.timeout ?? Infinity);
  }

  answerOf(call) {
    this.sleepUntil(this.readyAt(call));
    if (call.timeout !== undefined && call.timeout < call.at) {
      call.outcome = 'timed-out';
      throw failed('timed-out', BigInt(this.limits.call_timeout_ms));
    }
    call.outcome = call.error?.tag ?? 'ok';
    if (call.error) throw { payload: call.error };
    return call.value;
  }

  wait = (timeoutNs) => {
    const end = timeoutNs === undefined ? Infinity : performance.now() + Number(timeoutNs) / 1e6;
    for (;;) {
      const now = performance.now();
      const ready = [...this.unreported].filter((call) => this.readyAt(call) <= now);
      if (ready.length > 0) {
        ready.sort((one, other) => this.readyAt(one) - this.readyAt(other));
        ready.forEach((call) => this.unreported.delete(call));
        return BigUint64Array.from(ready, (call) => BigInt(call.id));
      }
      if (now >= end || (end === Infinity && this.unreported.size === 0)) return new BigUint64Array();
      this.sleepUntil(Math.min(end, ...[...this.unreported].map((call) => this.readyAt(call))));
    }
  };

  imports() {
    return {
      ...wasi(this),
      'exuvia:sandbox/meter': { nextSlice: this.nextSlice },
      'exuvia:sandbox/output': { write: (to, text) => this.print(text) },
      'exuvia:sandbox/tools': {
        PendingCall,
        servers: () => this.servers.map((one) => ({ pythonName: one.python_name, name: one.name })),
        listTools: (server) => this.servers.find((one) => one.name === server)?.tools.map((tool) => tool.python_name) ?? [],
        describe: this.describe,
        search: () => 'this host has no search',
        call: (server, tool, args) => this.answerOf(this.begin(server, tool, args)),
        start: (server, tool, args) => {
          const call = this.begin(server, tool, args);
          this.unreported.add(call);
          return new PendingCall(this, call);
        },
        scriptEnded: () => {
          this.ended = true;
        },
        wait: this.wait,
      },
    };
  }
}

// WASI with nothing in it but clocks, random bytes, and the log behind its streams.
function wasi(run) {
  const none = () => {
    throw 'not-supported';
  };
  class None {}
  class InputStream {
    blockingRead() {
      throw { payload: { tag: 'closed' } };
    }
    read = this.blockingRead;
  }
  class OutputStream {
    checkWrite() {
      return 65536n;
    }
    write(data) {
      run.print(new TextDecoder().decode(data));
    }
    blockingWriteAndFlush(data) {
      this.write(data);
    }
    flush() {}
    blockingFlush() {}
    subscribe() {
      return new Pollable(0);
    }
  }
  class Pollable {
    constructor(at) {
      this.at = at;
    }
    ready() {
      return performance.now() >= this.at;
    }
    block() {
      run.sleepUntil(this.at);
    }
  }
  const poll = (pollables) => {
    run.sleepUntil(Math.min(...pollables.map((one) => one.at)));
    return Uint32Array.from(pollables.flatMap((one, place) => (one.ready() ? [place] : [])));
  };
  const now = () => BigInt(Math.round(performance.now() * 1e6));
  const sockets = { Network: None, TcpSocket: None, UdpSocket: None, IncomingDatagramStream: None, OutgoingDatagramStream: None };
  const out = new OutputStream();
  return {
    'wasi:cli/environment': { getArguments: () => [], getEnvironment: () => [] },
    'wasi:cli/exit': {
      exit: (status) => {
        throw new Exited(status.tag);
      },
      exitWithCode: (code) => {
        throw new Exited(String(code));
      },
    },
    'wasi:cli/stdin': { getStdin: () => new InputStream() },
    'wasi:cli/stdout': { getStdout: () => out },
    'wasi:cli/stderr': { getStderr: () => out },
    'wasi:cli/terminal-input': { TerminalInput: None },
    'wasi:cli/terminal-output': { TerminalOutput: None },
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => undefined },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => undefined },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => undefined },
    'wasi:clocks/monotonic-clock': {
      now,
      resolution: () => 1000n,
      subscribeDuration: (ns) => new Pollable(performance.now() + Number(ns) / 1e6),
      subscribeInstant: (ns) => new Pollable(Number(ns) / 1e6),
    },
    'wasi:clocks/wall-clock': {
      now: () => ({ seconds: BigInt(Math.floor(Date.now() / 1000)), nanoseconds: (Date.now() % 1000) * 1e6 }),
      resolution: () => ({ seconds: 0n, nanoseconds: 1e6 }),
    },
    'wasi:filesystem/preopens': { getDirectories: () => [] },
    'wasi:filesystem/types': { Descriptor: None, DirectoryEntryStream: None, filesystemErrorCode: () => undefined },
    'wasi:io/error': { Error: None },
    'wasi:io/poll': { Pollable, poll },
    'wasi:io/streams': { InputStream, OutputStream },
    'wasi:random/random': { getRandomBytes: (length) => crypto.getRandomValues(new Uint8Array(Number(length))) },
    'wasi:sockets/instance-network': { instanceNetwork: () => new None() },
    'wasi:sockets/ip-name-lookup': { ResolveAddressStream: None, resolveAddresses: none },
    'wasi:sockets/network': sockets,
    'wasi:sockets/tcp': sockets,
    'wasi:sockets/tcp-create-socket': { createTcpSocket: none },
    'wasi:sockets/udp': sockets,
    'wasi:sockets/udp-create-socket': { createUdpSocket: none },
  };
}

// The guest in the folder that jco wrote: once in a process.
export class Guest {
  compiled = new Map();

  static async load(folder) {
    const guest = new Guest();
    guest.folder = folder;
    guest.instantiate = (await import(pathToFileURL(join(folder, 'guest.js')))).instantiate;
    return guest;
  }

  core = async (file) => {
    if (!this.compiled.has(file)) this.compiled.set(file, await WebAssembly.compile(await readFile(join(this.folder, file))));
    return this.compiled.get(file);
  };

  async run(source, servers, tools, limits = {}) {
    const run = new Run(servers, tools, limits);
    const report = { log: '', calls: [] };
    try {
      if (bytes(source) > run.limits.source_bytes) throw new Stopped('source_bytes');
      const guest = await this.instantiate(this.core, run.imports());
      // Making an instance is no time of the script.
      run.end = performance.now() + run.limits.wall_ms;
      Object.assign(report, ended(guest.run({ source, resultBytes: BigInt(run.limits.result_bytes) })));
    } catch (error) {
      Object.assign(report, trapped(error));
    }
    report.log = run.log;
    report.calls = run.calls.map((call) => [call.server, call.tool, call.outcome]);
    report.fuel = run.used;
    return report;
  }
}

function ended({ tag, val }) {
  switch (tag) {
    case 'returned':
      return { outcome: 'returned', result: val };
    case 'result-too-large':
      return { outcome: 'stopped', limit: 'result_bytes' };
    case 'out-of-memory':
      return { outcome: 'stopped', limit: 'memory_bytes' };
    case 'exited':
      return { outcome: 'raised', ...val, kind: 'exited' };
    default:
      return { outcome: tag, ...val };
  }
}

function trapped(error) {
  if (error instanceof Stopped) return { outcome: 'stopped', limit: error.limit };
  if (error instanceof Exited) return { outcome: 'raised', kind: 'exited', message: `status ${error.message}` };
  if (error instanceof RangeError) return { outcome: 'stopped', limit: 'stack_bytes' };
  if (error instanceof WebAssembly.RuntimeError) return { outcome: 'raised', kind: 'crashed', message: error.message };
  throw error;
}
