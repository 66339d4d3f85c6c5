// What a fresh script and a call of a tool take from Node.js: `node exuvia.js [ROUNDS]`. Times are medians with the 95th percentile behind
// them; the columns are those of `just python-bench`. Memory is what the process holds beside a bare one, as a share of what it shares (PSS).

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const rounds = Number(process.argv[2] ?? 200);
const CALLS = 100;
const THREADS = 4;
// As long as a thread may take to make the next interpreter, between two scripts that do not follow at once.
const PAUSE_MS = 100;

const pss = () => Number(/^Pss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1]) / 1e3;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function time(made) {
  const begun = performance.now();
  await made();
  return performance.now() - begun;
}

function shown(times) {
  const ordered = [...times].sort((one, other) => one - other);
  return `${ordered[ordered.length >> 1].toFixed(3)} (${ordered[Math.floor(ordered.length * 0.95)].toFixed(3)})`;
}

function importMs() {
  const code = "const t = performance.now(); await import('exuvia'); console.log(performance.now() - t)";
  const times = Array.from({ length: 11 }, () => Number(execFileSync(process.execPath, ['--input-type=module', '-e', code])));
  return times.sort((one, other) => one - other)[5];
}

const imported = importMs();
const before = pss();
const started = performance.now();
const { Sandbox, configure } = await import('exuvia');
configure({ concurrentRuns: THREADS });
const sandbox = new Sandbox({ tools: { add: async ({ a, b }) => a + b } });
const script = `x = 0\nfor i in range(${CALLS}):\n    x = tools.add(a=x, b=1)\nx`;
await sandbox.run('1 + 1');
const first = performance.now() - started;
if ((await sandbox.run(script)).value !== CALLS) throw new Error('a script gave another result');

const [spaced, close, calls] = [[], [], []];
for (let round = 0; round < rounds; round += 1) {
  await sleep(PAUSE_MS);
  spaced.push(await time(() => sandbox.run('1 + 1')));
  close.push(await time(() => sandbox.run('1 + 1')));
  await sleep(PAUSE_MS);
  // The calls of a round, without the script around them.
  calls.push(((await time(() => sandbox.run(script))) - spaced.at(-1)) / CALLS);
}
const held = pss();
// Scripts leave memory behind, which V8 collects when it sees fit.
for (let round = 0; round < rounds; round += 1) await Promise.all(Array.from({ length: THREADS }, () => sandbox.run('1 + 1')));
// Until each has its next interpreter.
await sleep(10 * PAUSE_MS);
const perThread = (pss() - held) / (THREADS - 1);

console.log(`${''.padEnd(24)} ${'fresh script, ms'.padStart(20)} ${'call, ms'.padStart(20)} ${'first result, ms'.padStart(17)} ${'import, ms'.padStart(11)} ${'memory, MB'.padStart(11)}`);
const row = (name, fresh, ...rest) => console.log(`${name.padEnd(24)} ${shown(fresh).padStart(20)} ${rest.join(' ')}`);
row('exuvia, node', spaced, shown(calls).padStart(20), first.toFixed(0).padStart(17), imported.toFixed(1).padStart(11), (held - before).toFixed(0).padStart(11));
row('exuvia, node, at once', close);
console.log(`an idle thread holds ${perThread.toFixed(0)} MB`);
