// A worker of crates/python/bench/beside.py: measures in Node.js what a line of standard input asks for. With `--at-once` a fresh script is one that
// follows another at once; without, a thread has had the time to make its interpreter. `--import` prints how long the import takes, in seconds,
// and `--threads` what one more idle thread holds, in bytes.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const CALLS = 100;
// Threads whose memory `--threads` compares with one, and scripts of each before it.
const THREADS = 4;
const SCRIPTS = 50;
// As long as a thread may take to make the next interpreter.
const PAUSE_MS = 100;

const isAtOnce = process.argv.includes('--at-once');
const pss = () => Number(/^Pss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1]) * 1024;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function seconds(made) {
  const begun = performance.now();
  await made();
  return (performance.now() - begun) / 1e3;
}

async function serve() {
  const before = pss();
  let sandbox;
  const ready = await seconds(async () => {
    const { Sandbox } = await import('exuvia');
    sandbox = new Sandbox({ tools: { add: async ({ a, b }) => a + b } });
    await sandbox.run('1 + 1');
  });
  const fresh = () => sandbox.run('1 + 1');
  const calls = () => sandbox.run(`x = 0\nfor i in range(${CALLS}):\n    x = tools.add(a=x, b=1)\nx`);
  if ((await calls()).value !== CALLS) throw new Error('a script gave another result');
  print({ ready });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'memory') {
      print(pss() - before);
      continue;
    }
    await (isAtOnce ? fresh() : sleep(PAUSE_MS));
    print(await seconds({ fresh, calls }[line]));
  }
}

// The memory of one more idle thread, in bytes.
async function threads() {
  const { Sandbox, configure } = await import('exuvia');
  configure({ concurrentRuns: THREADS });
  const sandbox = new Sandbox();
  for (let script = 0; script < SCRIPTS; script += 1) await sandbox.run('1 + 1');
  await sleep(10 * PAUSE_MS);
  const one = pss();
  // Scripts leave memory behind, which V8 collects when it sees fit.
  for (let script = 0; script < SCRIPTS; script += 1) await Promise.all(Array.from({ length: THREADS }, () => sandbox.run('1 + 1')));
  // Until each has its next interpreter.
  await sleep(10 * PAUSE_MS);
  print((pss() - one) / (THREADS - 1));
}

if (process.argv.includes('--import')) print(await seconds(() => import('exuvia')));
else if (process.argv.includes('--threads')) await threads();
else await serve();
