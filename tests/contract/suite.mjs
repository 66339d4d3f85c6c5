// The contract suite for hosts in JavaScript: reads cases, finds the answers to their calls, and holds what came of a run against what
// is expected. `suite.py` beside it does the same.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const HERE = import.meta.dirname;
// Integers that JavaScript would round are BigInts, where the engine shows how they are written (from Node.js 21 on).
const whole = (_, value, context) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context.source) : value;
const json = (...path) => JSON.parse(readFileSync(join(HERE, ...path), 'utf8'), whole);

export const servers = json('tools.json').servers;
export const cases = readdirSync(join(HERE, 'cases'))
  .sort()
  .flatMap((file) => json('cases', file).cases);

// Equal as JSON, whatever the order of members.
const sorted = (value) =>
  value && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
    : Array.isArray(value)
      ? value.map(sorted)
      : value;
const text = (value) => JSON.stringify(sorted(value), (_, one) => (typeof one === 'bigint' ? `${one}n` : one));
const same = (one, other) => text(one) === text(other);

// The calls of one case: `take` gives the entry that a call fits, once.
export class Answers {
  constructor(testCase) {
    this.expected = (testCase.calls ?? []).filter((call) => 'answer' in call);
    this.come = 0;
  }
  take(server, tool, args) {
    this.come += 1;
    const place = this.expected.findIndex((call) => call.call === `${server}.${tool}` && same(call.arguments, args));
    if (place >= 0) return this.expected.splice(place, 1)[0];
    const message = `the case expects no call ${server}.${tool} ${text(args)}`;
    return { answer: { error: { code: 'tool-failed', message } } };
  }
}

// What a host records of a call.
function outcome(call) {
  const answer = call.answer ?? 'never';
  return call.outcome ?? call.refused ?? (answer === 'never' ? 'cancelled' : (answer.error?.code ?? 'ok'));
}

// What differs from what is expected. `ending`: outcome, result (text), kind, message, line, limit, log, calls ([server, tool, outcome]).
export function wrong(testCase, ending) {
  const { expect } = testCase;
  const found = [];
  const hold = (what, expected, actual) => {
    if (!same(expected, actual)) found.push(`${what}: ${text(actual)} instead of ${text(expected)}`);
  };
  hold('outcome', expect.outcome, ending.outcome);
  if ('result' in expect) hold('result', expect.result, ending.result === undefined ? undefined : JSON.parse(ending.result));
  if ('result_text' in expect) hold('result', expect.result_text, ending.result);
  if (expect.error) {
    hold('kind', expect.error.kind, ending.kind);
    if (!(ending.message ?? '').includes(expect.error.contains ?? '')) found.push(`message: ${ending.message}`);
    if (expect.error.line) hold('line', expect.error.line, ending.line);
  }
  if (expect.limit) hold('limit', expect.limit, ending.limit);
  if ('log' in expect) hold('log', expect.log, ending.log);
  if (!ending.log.includes(expect.log_contains ?? '')) found.push(`log: ${ending.log}`);
  hold('calls', (testCase.calls ?? []).map((call) => [...split(call.call), outcome(call)]), ending.calls);
  return found;
}

const split = (name) => [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
