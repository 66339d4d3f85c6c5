// The contract suite of `tests/contract`, with functions as tools. EXUVIA_CONTRACT is its folder, EXUVIA_CASE a part of a case's name.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';

import { Denied, LimitReached, Sandbox, SandboxError, ScriptError, ToolDenied, ToolError, ToolUnavailable } from 'exuvia';

const folder = process.env.EXUVIA_CONTRACT;
const { Answers, cases, servers, wrong } = await import(pathToFileURL(join(folder, 'suite.mjs')));
const { cannot } = JSON.parse(readFileSync(join(folder, 'hosts/node.json'), 'utf8'));
// Before Node.js 21 the suite cannot read the integers of its cases.
if (JSON.parse('[1]', (_, value, context) => (Array.isArray(value) ? value : context !== undefined))[0] === false) cannot.big_integers = 'not asked';
const chosen = cases.filter((one) => one.name.includes(process.env.EXUVIA_CASE ?? '') && !(one.needs ?? []).some((need) => need in cannot));

const FAILURES = { 'tool-failed': ToolError, denied: ToolDenied, 'upstream-unavailable': ToolUnavailable };
const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

// Tools that answer as a case says. `after_calls`: when so many have come.
function toolsOf(answers) {
  const waiting = [];
  const come = (count) => new Promise((resolve) => (answers.come >= count ? resolve() : waiting.push([count, resolve])));
  const answer = async (server, name, args) => {
    const entry = answers.take(server, name, args);
    for (const [count, resolve] of waiting) if (answers.come >= count) resolve();
    if (entry.answer === 'never') return new Promise(() => {});
    await new Promise((resolve) => setTimeout(resolve, entry.after_ms ?? 0));
    await come(entry.after_calls ?? 0);
    const { error, value } = entry.answer;
    if (error) throw new FAILURES[error.code](error.message, error.data);
    return value;
  };
  const named = servers.map((server) => {
    const tools = server.tools.map(({ name, description, input_schema: input }) => ({ name, description, input, run: (args) => answer(server.name, name, args) }));
    return [server.name, tools];
  });
  return Object.fromEntries(named);
}

const calls = (all) => all.map((call) => [call.server, call.tool, call.outcome]);

function ended(error) {
  if (!(error instanceof SandboxError)) throw error;
  const ending = { outcome: 'raised', message: error.message, log: error.logs, calls: calls(error.calls), line: error.line };
  if (error instanceof LimitReached) return { ...ending, outcome: 'stopped', limit: snake(error.limit) };
  assert.ok(error instanceof ScriptError, `${error.stack}`);
  return { ...ending, outcome: error instanceof Denied ? 'denied' : 'raised', kind: error.kind };
}

async function run(one) {
  const limits = Object.fromEntries(Object.entries({ wall_ms: 60_000, ...one.limits }).map(([name, value]) => [camel(name), value]));
  const sandbox = new Sandbox({ servers: toolsOf(new Answers(one)), limits });
  try {
    const { json, logs, calls: made } = await sandbox.run(one.script.join('\n'));
    return { outcome: 'returned', result: json, log: logs, calls: calls(made) };
  } catch (error) {
    return ended(error);
  }
}

for (const one of chosen) {
  test(one.name, { timeout: 60_000 }, async () => assert.deepEqual(wrong(one, await run(one)), []));
}

test('there are many cases', { skip: process.env.EXUVIA_CASE !== undefined }, () => assert.ok(chosen.length >= 60));

test('names, signatures and parameters are those of the contract', async () => {
  const told = [];
  const sandbox = new Sandbox({ servers: toolsOf(new Answers({ calls: [] })) });
  const script = servers.flatMap((server) => server.tools.map((one) => `help(${server.python_name}.${one.python_name})`)).join('\n');
  told.push((await sandbox.run(script)).logs);
  for (const one of servers.flatMap((server) => server.tools)) {
    assert.ok(told[0].includes(one.signature), `${one.signature} is not in ${told[0]}`);
    const lines = one.documentation.split('\n').map((line) => line.trim());
    for (const line of lines) assert.ok(told[0].includes(line), line);
  }
});
