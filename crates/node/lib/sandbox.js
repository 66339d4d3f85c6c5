import { Calls } from './calls.js';
import { execute } from './engine.js';
import { Cancelled, Denied, Fault, LimitReached, ScriptError, WrongResult } from './errors.js';
import { parse } from './json.js';
import { limitMessage, limitsFrom } from './limits.js';
import { ToolSet } from './tools.js';

let made = 0;

/** Runs scripts, each in a fresh CPython of its own, with these tools and under these limits. */
export class Sandbox {
  #key = (made += 1);
  #tools;
  #limits;
  #mask;

  constructor({ tools, servers, limits, maskErrors = false } = {}) {
    this.#tools = new ToolSet(tools, servers);
    this.#limits = limitsFrom(limits);
    this.#mask = maskErrors;
  }

  /** The tools as Python stubs, for the prompt of whoever writes the scripts. */
  get stubs() {
    return this.#tools.stubs;
  }

  get limits() {
    return this.#limits;
  }

  async run(code, { signal, onEvent, returns } = {}) {
    const source = String(code);
    const limits = this.#limits;
    const bytes = Buffer.byteLength(source);
    if (bytes > limits.sourceBytes) throw this.#error({ stopped: 'sourceBytes', used: bytes }, {});
    const events = onEvent && quiet(onEvent);
    let calls;
    const request = { source, limits, tools: this.#key, servers: this.#tools.servers, events: events !== undefined };
    const done = await execute(request, {
      calls: (reply) => (calls = new Calls({ tools: this.#tools, limits, mask: this.#mask, reply, event: events })),
      events,
      signal,
    });
    const { outcome, logs = '', logsDroppedBytes = 0, usage = { fuel: 0, memoryBytesPeak: 0, wallMs: 0, toolCalls: 0 } } = done;
    const result = { logs, logsDroppedBytes, calls: calls?.records ?? [], usage };
    if (!('value' in outcome)) throw this.#error(outcome, result, signal);
    return { value: await valueOf(outcome.value, returns, result), json: outcome.value, ...result };
  }

  #error({ stopped, used, line, raised, denied, cancelled, fault }, done, signal) {
    if (stopped) return new LimitReached(stopped, limitMessage(stopped, this.#limits, used), done, line);
    if (denied) return new Denied(denied, done);
    if (raised) return new ScriptError(raised, done);
    return cancelled ? new Cancelled(signal?.reason, done) : new Fault(fault, done);
  }
}

// What a callback throws is no fault of the run: it is reported as any exception that nobody catches.
const quiet = (onEvent) => (event) => {
  try {
    onEvent(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
};

async function valueOf(text, returns, result) {
  let value;
  try {
    value = parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw new ScriptError({ kind: 'ValueError', message: `the result: ${error.message}` }, result);
    // Only a guest that was tampered with from inside returns such a text.
    throw new ScriptError({ kind: 'crashed', message: 'the result is not JSON' }, result);
  }
  if (!returns) return value;
  const checked = await returns['~standard'].validate(value);
  if (!checked.issues) return checked.value;
  const told = checked.issues.slice(0, 5).map((issue) => issue.message).join('; ');
  throw new WrongResult(`the result is not of the expected type: ${told}`, result);
}
