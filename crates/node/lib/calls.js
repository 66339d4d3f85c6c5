// The calls of one run, on the side of the tools: in their order, so many at a time, each with a deadline, recorded.

import { ToolDenied, ToolError, ToolUnavailable } from './errors.js';
import { contractName } from './limits.js';
import { parse, stringify } from './json.js';

const MOST_TEXT = 64 << 10;
const cut = (text) => (text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}...` : text);

// An error as the contract has it. What is thrown may be anything, also something that cannot be read.
function failure(error, tool, mask) {
  try {
    return failureOf(error, tool, mask);
  } catch {
    return { tag: 'tool-failed', val: { message: `the tool ${tool} failed`, data: undefined } };
  }
}

function failureOf(error, tool, mask) {
  if (error instanceof ToolDenied) return { tag: 'denied', val: cut(error.message) };
  if (error instanceof ToolUnavailable) return { tag: 'upstream-unavailable', val: cut(error.message) };
  if (error instanceof ToolError) {
    const data = error.data === undefined ? undefined : stringify(error.data);
    return { tag: 'tool-failed', val: { message: cut(error.message), data } };
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { tag: 'tool-failed', val: { message: mask ? `the tool ${tool} failed` : cut(text), data: undefined } };
}

const over = (limit, allowed, used) => ({ tag: 'limit-reached', val: { limit: contractName(limit), allowed: BigInt(allowed), used: BigInt(used) } });

// The arguments as a tool takes them: those of a Standard Schema are its output.
async function argumentsOf(definition, text) {
  let args;
  try {
    args = parse(text);
  } catch (error) {
    return { error: { tag: 'invalid-arguments', val: error.message } };
  }
  const standard = definition.input?.['~standard'];
  if (!standard) return { args };
  const checked = await standard.validate(args);
  if (!checked.issues) return { args: checked.value };
  const told = checked.issues.slice(0, 5).map((issue) => {
    const path = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part)).join('.');
    return path ? `${path}: ${issue.message}` : issue.message;
  });
  return { error: { tag: 'invalid-arguments', val: cut(told.join('; ')) } };
}

export class Calls {
  /** `[server, tool, outcome, ms]` of each call becomes an entry of the result. */
  records = [];
  #waiting = [];
  #out = 0;
  #open = new Map();
  #held = 0;
  #ended = false;

  /** `reply(id, answer)`: tells the worker. `event`: tells the caller, if it wants to know. */
  constructor({ tools, limits, mask, reply, event }) {
    Object.assign(this, { tools, limits, mask, reply, event });
  }

  /** A call that the script made. `refused`: its worker has answered it already. */
  begin({ id, server, tool, args, bytes, line, started, refused }) {
    const record = { server, tool, outcome: 'cancelled', ms: 0 };
    this.records.push(record);
    this.event?.({ type: 'call-started', id, server, tool });
    const call = { id, server, tool, args, line: line || undefined, started, record, begun: performance.now(), bytes: 0 };
    if (refused) {
      this.#record(call, refused);
      return;
    }
    this.#open.set(id, call);
    this.#hold(call, bytes);
    const refusal = this.#noRoom();
    if (refusal) {
      this.#done(call, refusal);
      return;
    }
    this.#waiting.push(call);
    this.#next();
  }

  /** The script has given up a call, or has taken its answer. */
  release(id) {
    const call = this.#open.get(id);
    if (!call) return;
    this.#hold(call, 0);
    this.#open.delete(id);
    if (!call.done) {
      call.done = true;
      this.#record(call, 'cancelled');
      call.abort?.('the script has given up the call');
    }
  }

  /** The run is over: what has no answer gets none. */
  end() {
    this.#ended = true;
    this.#waiting = [];
    for (const id of [...this.#open.keys()]) this.release(id);
  }

  #hold(call, bytes) {
    this.#held += bytes - call.bytes;
    call.bytes = bytes;
  }

  // What the call is answered that made all together more than may be buffered.
  #noRoom() {
    const { bufferedBytes } = this.limits;
    return this.#held > bufferedBytes ? { error: over('bufferedBytes', bufferedBytes, this.#held) } : undefined;
  }

  #record(call, outcome) {
    Object.assign(call.record, { outcome, ms: Math.round(performance.now() - call.begun) });
    this.event?.({ type: 'call-ended', id: call.id, outcome, ms: call.record.ms });
  }

  #next() {
    while (!this.#ended && this.#out < this.limits.concurrentCalls && this.#waiting.length > 0) {
      const call = this.#waiting.shift();
      if (!call.done) this.#run(call);
    }
  }

  async #run(call) {
    this.#out += 1;
    const answer = await this.#answer(call).catch((error) => ({ error: failure(error, call.tool, this.mask) }));
    this.#out -= 1;
    this.#done(call, answer);
    this.#next();
  }

  // The tool's answer, or that it took too long, or nothing if nobody waits for it any more.
  async #answer(call) {
    const controller = new AbortController();
    let timer;
    const stopped = new Promise((resolve) => {
      call.abort = (reason, answer) => {
        resolve(answer);
        controller.abort(new Error(reason));
      };
      const { callTimeoutMs } = this.limits;
      timer = setTimeout(() => call.abort('the call took too long', { error: { tag: 'timed-out', val: BigInt(callTimeoutMs) } }), callTimeoutMs);
    });
    try {
      return await Promise.race([stopped, this.#ask(call, controller.signal)]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #ask(call, signal) {
    const definition = this.tools.find(call.server, call.tool);
    const { args, error } = await argumentsOf(definition, call.args);
    if (error) return { error };
    const { id, server, tool, line } = call;
    const text = stringify(await definition.run(args, { signal, id, server, tool, line }));
    const bytes = Buffer.byteLength(text);
    const { callResultBytes } = this.limits;
    return bytes > callResultBytes ? { error: over('callResultBytes', callResultBytes, bytes) } : { value: text, bytes };
  }

  #done(call, answer) {
    if (call.done || !answer) return;
    call.done = true;
    this.#record(call, answer.error?.tag ?? 'ok');
    // The answer of a call that blocks is taken at once.
    this.#hold(call, call.started && !answer.error ? answer.bytes : 0);
    const { error, value } = this.#noRoom() ?? answer;
    if (error) this.#hold(call, 0);
    if (!call.started || error) this.#open.delete(call.id);
    this.reply(call.id, error ? { error } : { value });
  }
}
