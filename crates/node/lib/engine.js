// The threads of a process that run scripts: started when they are needed, reused, and no reason for the process to stay.

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { MessageChannel, Worker } from 'node:worker_threads';

import { Turns } from './turns.js';

const GUEST = new URL('../guest/', import.meta.url);
// CPython's C code recurses deeply: with less, deep data ends a run instead of raising a RecursionError.
const STACK_MB = 256;
const HEAP_MB = 1024;
// How long after its time a thread may still answer before it is ended.
const GRACE_MS = 2_000;

let settings = { concurrentRuns: Math.min(availableParallelism(), 16) };
// From the first script on.
let turns;

/** Sets up the engine of this process, before its first script. */
export function configure({ concurrentRuns }) {
  if (turns) throw new Error('the engine runs already: configure it before the first script');
  if (!Number.isInteger(concurrentRuns) || concurrentRuns < 1 || concurrentRuns > 1024) throw new RangeError('concurrentRuns must be a number from 1 to 1024');
  settings = { concurrentRuns };
}

let compiling;

/** The core modules, compiled once in a process; if that fails, again for the next script. */
function modules() {
  compiling ??= compile().catch((error) => {
    compiling = undefined;
    throw error;
  });
  return compiling;
}

async function compile() {
  const { modules, pages } = JSON.parse(await readFile(new URL('modules.json', GUEST), 'utf8'));
  const compiled = await Promise.all(modules.map(async (file) => [file, await WebAssembly.compile(await readFile(new URL(file, GUEST)))]));
  return { compiled: new Map(compiled), pages };
}

class Thread {
  constructor(modules) {
    const { port1, port2 } = new MessageChannel();
    this.replies = port1;
    this.signal = new Int32Array(new SharedArrayBuffer(8));
    this.knows = 0;
    this.worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { modules, replies: port2, signal: this.signal },
      transferList: [port2],
      resourceLimits: { stackSizeMb: STACK_MB, maxOldGenerationSizeMb: HEAP_MB },
      // Nothing of this process is for what runs there.
      env: {},
      execArgv: [],
    });
    this.worker.on('message', (message) => this.run?.told(message));
    this.worker.on('error', (error) => this.#gone(error));
    this.worker.on('exit', () => this.#gone(new Error('the thread of the script ended')));
    this.worker.unref();
    port1.unref();
  }

  #gone(error) {
    threads.delete(this);
    this.run?.told({ type: 'done', outcome: { fault: String(error?.stack ?? error) } });
  }

  wake() {
    Atomics.add(this.signal, 0, 1);
    Atomics.notify(this.signal, 0);
  }

  end() {
    threads.delete(this);
    this.worker.terminate();
  }
}

const threads = new Set();
const idle = [];

// A thread for whoever has a turn: there are never more of them than turns.
async function acquire() {
  for (let thread; (thread = idle.pop()); ) if (threads.has(thread)) return thread;
  const thread = new Thread(await modules());
  threads.add(thread);
  return thread;
}

function release(thread) {
  if (threads.has(thread)) idle.push(thread);
}

let lastRun = 0;

// One run on a thread: from its request to what the thread says at its end.
class Run {
  constructor(thread, calls, events) {
    lastRun = (lastRun % 0x3fffffff) + 1;
    Object.assign(this, { id: lastRun, thread, calls, events });
    this.done = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  told(message) {
    switch (message.type) {
      case 'call':
        return this.calls.begin(message);
      case 'release':
        return this.calls.release(message.id);
      case 'log':
        return this.events?.({ type: 'log', stream: message.stream, text: message.text });
      default:
        return this.finish(message);
    }
  }

  reply(id, answer) {
    this.thread.replies.postMessage({ run: this.id, id, answer });
    this.thread.wake();
  }

  /** The script sees nothing of it. If its thread does not answer, that is ended. */
  cancel(outcome) {
    Atomics.store(this.thread.signal, 1, this.id);
    this.thread.wake();
    this.#endAfter(GRACE_MS, outcome);
  }

  #endAfter(ms, outcome) {
    clearTimeout(this.net);
    this.net = setTimeout(() => {
      this.thread.end();
      this.finish({ outcome });
    }, ms).unref();
  }

  async on(request) {
    const { thread, id } = this;
    thread.run = this;
    thread.worker.ref();
    this.#endAfter(request.limits.wallMs + GRACE_MS + 10_000, { stopped: 'wallMs' });
    const servers = thread.knows === request.tools ? undefined : request.servers;
    thread.knows = request.tools;
    thread.worker.postMessage({ ...request, servers, id });
    const done = await this.done;
    clearTimeout(this.net);
    thread.run = undefined;
    thread.worker.unref();
    return done;
  }
}

/** Runs a script. `calls(reply)` makes what answers its calls; `signal` cancels it. */
export async function execute(request, { calls, events, signal }) {
  turns ??= new Turns(settings.concurrentRuns);
  if (!(await turns.take(signal))) return { outcome: { cancelled: true } };
  try {
    const thread = await acquire();
    try {
      return await runOn(thread, request, { calls, events, signal });
    } finally {
      release(thread);
    }
  } catch (error) {
    return { outcome: { fault: String(error?.stack ?? error) } };
  } finally {
    turns.give();
  }
}

async function runOn(thread, request, { calls, events, signal }) {
  let run;
  const made = calls((id, answer) => run.reply(id, answer));
  run = new Run(thread, made, events);
  const cancel = () => run.cancel({ cancelled: true });
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  try {
    return await run.on(request);
  } finally {
    signal?.removeEventListener('abort', cancel);
    made.end();
  }
}

/** Ends the threads that run nothing. The next script starts new ones. */
export function close() {
  for (const thread of idle.splice(0)) thread.end();
}
