// The host's side of the contract (`wit/sandbox.wit`) for one instance of the guest, on the guest's thread. Imports are synchronous:
// what a tool answers comes from the main thread, and this one sleeps until then.

import { Validator } from '@cfworker/json-schema';
import { receiveMessageOnPort } from 'node:worker_threads';

import { Log } from './log.js';
import { contractName } from './limits.js';
import { wasi } from './wasi.js';

const SLICE = 1_000_000n;
const MOST_NAME_BYTES = 512;
const MOST_CHECKED_BYTES = 4 << 20;

/** A limit was met, or the run was cancelled: it passes through the guest, so that no script can catch it. */
export class Stopped extends Error {
  constructor(limit) {
    super(limit);
    this.limit = limit;
  }
}

// jco takes what is thrown with a payload for the error of a `result`.
const failed = (error) => ({ payload: error });
const validators = new WeakMap();

// What is wrong with arguments, in a sentence: the first fault alone, since a large argument may have as many as it has items.
// Undefined: nothing.
function mismatch(tool, args) {
  if (!validators.has(tool)) validators.set(tool, new Validator(tool.schema, '2020-12', true));
  let checked;
  try {
    checked = validators.get(tool).validate(args);
  } catch {
    return "the tool's own schema is broken: call another tool";
  }
  const { valid, errors } = checked;
  if (valid) return undefined;
  // The others say that something within is wrong.
  const { instanceLocation, keyword, error } = errors.at(-1);
  const told = keyword === 'false' ? 'there is no such argument' : error.replace(/^Instance type/, 'the type').replace(/^Instance/, 'the value');
  return `${instanceLocation.slice(2) || 'the arguments'}: ${told}`.slice(0, 2000);
}

class PendingCall {
  constructor(host, call) {
    this.host = host;
    this.call = call;
  }
  id() {
    return BigInt(this.call.id);
  }
  take() {
    return this.host.take(this.call);
  }
  [Symbol.dispose]() {
    this.host.drop(this.call);
  }
}

export class Host {
  used = 0n;
  calls = 0;
  #given = 0n;
  #args = 0;
  #scriptEnded = false;
  #open = new Map();
  #unreported = new Set();
  #arrived = [];
  #run;

  /** `post(message)`: to the main thread. `replies`: the port of answers. `signal`: what wakes this thread, and the run to cancel. */
  constructor({ post, replies, signal }) {
    Object.assign(this, { post, replies, signal });
  }

  /** From now on the guest runs a script. */
  begin({ id, limits, servers, events }) {
    this.#run = id;
    this.limits = limits;
    this.servers = servers;
    this.fuel = BigInt(limits.fuel);
    this.log = new Log(limits.logBytes, events ? (stream, text) => this.post({ type: 'log', stream, text }) : undefined);
    this.begun = performance.now();
    this.end = this.begun + limits.wallMs;
  }

  print(stream, text) {
    this.log?.write(stream, text);
  }

  #inTime() {
    if (Atomics.load(this.signal, 1) === this.#run) throw new Stopped('cancelled');
    if (performance.now() >= this.end) throw new Stopped('wallMs');
  }

  /** Waits until a moment, until `done`, or until the run has no time left. */
  sleepUntil(moment, done = () => false) {
    for (;;) {
      // Before looking: what comes in between ends the sleep.
      const seen = Atomics.load(this.signal, 0);
      this.#receive();
      this.#inTime();
      if (done()) return;
      const left = Math.min(moment, this.end) - performance.now();
      if (left > 0) Atomics.wait(this.signal, 0, seen, left);
      else if (moment <= this.end) return;
    }
  }

  #receive() {
    for (let received; (received = receiveMessageOnPort(this.replies)); ) {
      const { run, id, answer } = received.message;
      const call = run === this.#run ? this.#open.get(id) : undefined;
      if (!call) continue;
      this.#args -= call.bytes;
      call.bytes = 0;
      call.answer = answer;
      if (this.#unreported.has(call)) this.#arrived.push(call);
    }
  }

  nextSlice = (balance) => {
    if (balance > this.#given) throw new Stopped('claimed');
    this.used += this.#given - balance;
    if (this.used > this.fuel) throw new Stopped('fuel');
    this.#inTime();
    const left = this.fuel - this.used;
    this.#given = left < SLICE ? left : SLICE;
    return this.#given;
  };

  #find(server, tool) {
    const found = this.servers.find((one) => one.name === server);
    return found?.tools.find((one) => one.name === tool) ?? found?.tools.find((one) => one.pythonName === tool);
  }

  describe = (server, name) => {
    const tool = this.#find(server, name);
    return tool && { ...tool, schema: undefined };
  };

  #begin(server, tool, args, line, started) {
    if (this.calls >= this.limits.toolCalls) throw new Stopped('toolCalls');
    this.calls += 1;
    const bytes = Buffer.byteLength(args);
    const error = this.#refusal(server, tool, args, bytes);
    const call = { id: this.calls, started, bytes: error ? 0 : bytes, answer: error && { error }, taken: false };
    if (!error) this.#open.set(call.id, call);
    this.#args += call.bytes;
    const [named, its] = [server.slice(0, MOST_NAME_BYTES), tool.slice(0, MOST_NAME_BYTES)];
    this.post({ type: 'call', id: call.id, server: named, tool: its, args: error ? '' : args, bytes, line, started, refused: error?.tag });
    return call;
  }

  // Why a call is not made.
  #refusal(server, name, args, bytes) {
    if (this.#scriptEnded) return { tag: 'denied', val: 'the script has ended' };
    const tool = this.#find(server, name);
    if (!tool || tool.name !== name) return { tag: 'unknown-tool', val: `there is no tool ${server.slice(0, 128)}.${name.slice(0, 128)}` };
    const { callArgumentsBytes, bufferedBytes } = this.limits;
    if (bytes > callArgumentsBytes) return this.#over('callArgumentsBytes', bytes);
    if (this.#args + bytes > bufferedBytes) this.#receive();
    if (this.#args + bytes > bufferedBytes) return this.#over('bufferedBytes', this.#args + bytes);
    let parsed;
    try {
      parsed = JSON.parse(args);
    } catch {
      return { tag: 'invalid-arguments', val: 'the arguments are not JSON' };
    }
    const wrong = bytes <= MOST_CHECKED_BYTES ? mismatch(tool, parsed) : undefined;
    return wrong && { tag: 'invalid-arguments', val: wrong };
  }

  #over(limit, used) {
    return { tag: 'limit-reached', val: { limit: contractName(limit), allowed: BigInt(this.limits[limit]), used: BigInt(used) } };
  }

  #answerOf(call) {
    this.sleepUntil(Infinity, () => call.answer !== undefined);
    this.#open.delete(call.id);
    const { error, value } = call.answer;
    call.answer = undefined;
    if (error) throw failed(error);
    return value;
  }

  take(call) {
    if (call.taken) throw failed({ tag: 'upstream-unavailable', val: 'the result of this call was already taken' });
    call.taken = true;
    try {
      return this.#answerOf(call);
    } finally {
      this.#forget(call);
    }
  }

  drop(call) {
    if (!call.taken) this.#forget(call);
    call.taken = true;
  }

  #forget(call) {
    this.#unreported.delete(call);
    this.#open.delete(call.id);
    this.#args -= call.bytes;
    call.bytes = 0;
    this.post({ type: 'release', id: call.id });
  }

  start = (server, tool, args, line) => {
    const call = this.#begin(server, tool, args, line, true);
    this.#unreported.add(call);
    if (call.answer) this.#arrived.push(call);
    return new PendingCall(this, call);
  };

  wait = (timeoutNs) => {
    const end = timeoutNs === undefined ? Infinity : performance.now() + Number(timeoutNs) / 1e6;
    const some = () => this.#arrived.some((call) => this.#unreported.has(call));
    const nothing = () => end === Infinity && this.#unreported.size === 0;
    this.sleepUntil(end, () => some() || nothing());
    const ready = this.#arrived.filter((call) => this.#unreported.delete(call));
    this.#arrived = [];
    return BigUint64Array.from(ready, (call) => BigInt(call.id));
  };

  imports() {
    return {
      ...wasi(this),
      'exuvia:sandbox/meter': { nextSlice: this.nextSlice },
      'exuvia:sandbox/output': { write: (to, text) => this.print(to, text) },
      'exuvia:sandbox/tools': {
        PendingCall,
        servers: () => this.servers.map(({ pythonName, name }) => ({ pythonName, name })),
        listTools: (server) => this.servers.find((one) => one.name === server)?.tools.map((tool) => tool.pythonName) ?? [],
        describe: this.describe,
        search: () => 'this host has no search: help(SERVER) lists the tools of a server',
        call: (server, tool, args, line) => this.#answerOf(this.#begin(server, tool, args, line, false)),
        start: this.start,
        scriptEnded: () => {
          this.#scriptEnded = true;
        },
        wait: this.wait,
      },
    };
  }
}
