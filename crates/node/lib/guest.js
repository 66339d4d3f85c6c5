// One instance of the guest, and what becomes of the script that it runs. On the guest's thread.

import { instantiate } from '../guest/guest.js';
import { Host, Stopped } from './host.js';
import { Exited } from './wasi.js';

const PAGE = 65536;
const MOST_ERROR_TEXT = 64 << 10;

const cut = (text) => (typeof text === 'string' ? text.slice(0, MOST_ERROR_TEXT) : undefined);
const bounded = ({ kind, message, line, traceback, hint }) => ({
  kind: cut(kind),
  message: cut(message),
  line,
  traceback: cut(traceback),
  hint: cut(hint),
});
const exited = (status) => ({ kind: 'exited', message: `the script exited with status ${status}`, hint: 'end with `result = ...` instead' });
const crashed = (message) => ({ kind: 'crashed', message, hint: 'avoid the construct that reaches into the interpreter, or very deep nesting' });

function outcomeOf({ tag, val }, limits) {
  switch (tag) {
    case 'returned':
      if (Buffer.byteLength(val) > limits.resultBytes) return { stopped: 'resultBytes', used: Buffer.byteLength(val) };
      return { value: val };
    case 'result-too-large':
      return { stopped: 'resultBytes', used: Number(val) };
    case 'out-of-memory':
      // The parser raises a MemoryError for what is nested too deeply: no limit was met.
      return val.message.startsWith('Parser stack overflowed') ? { raised: bounded(val) } : { stopped: 'memoryBytes', line: val.line };
    case 'exited':
      return { raised: { ...bounded(val), kind: 'exited' } };
    case 'denied':
      return { denied: bounded(val) };
    default:
      return { raised: bounded(val) };
  }
}

function trapped(error) {
  if (error instanceof Stopped) {
    if (error.limit === 'cancelled') return { cancelled: true };
    return error.limit === 'claimed' ? { raised: crashed('the script interfered with the count of its fuel') } : { stopped: error.limit };
  }
  if (error instanceof Exited) return { raised: exited(error.status) };
  if (error instanceof RangeError && error.message.includes('call stack')) return { stopped: 'stackBytes' };
  if (error instanceof WebAssembly.RuntimeError) return { raised: crashed('the script crashed the interpreter') };
  return { fault: String(error?.stack ?? error) };
}

export class Instance {
  constructor(host, memory, guest, memoryBytes) {
    Object.assign(this, { host, memory, guest, memoryBytes });
  }

  /** A new instance. Undefined: the interpreter needs more memory than that. */
  static async make(modules, channel, memoryBytes) {
    const maximum = Math.floor(memoryBytes / PAGE);
    if (maximum < modules.pages) return undefined;
    const host = new Host(channel);
    const memory = new WebAssembly.Memory({ initial: modules.pages, maximum });
    const core = (module, imports) => WebAssembly.instantiate(module, { ...imports, exuvia: { memory } });
    const guest = await instantiate((file) => modules.compiled.get(file), host.imports(), core);
    return new Instance(host, memory, guest, memoryBytes);
  }

  /** Runs a script, once. */
  run(request) {
    const { host, guest } = this;
    const { source, limits } = request;
    host.begin(request);
    let outcome;
    try {
      outcome = outcomeOf(guest.run({ source, resultBytes: BigInt(limits.resultBytes) }), limits);
    } catch (error) {
      outcome = trapped(error);
    }
    const usage = {
      fuel: Number(host.used),
      memoryBytesPeak: this.memory.buffer.byteLength,
      wallMs: Math.round(performance.now() - host.begun),
      toolCalls: host.calls,
    };
    return { outcome, logs: host.log.text, logsDroppedBytes: host.log.dropped, usage };
  }
}
