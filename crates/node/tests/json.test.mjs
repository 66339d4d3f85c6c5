// The texts that cross between a script and its tools.

import assert from 'node:assert/strict';
import test from 'node:test';

const { parse, stringify } = await import(new URL('json.js', import.meta.resolve('exuvia')));

const BIG = '12345678901234567890';

test('an integer beyond 2^53 is a BigInt, and nothing else is', () => {
  const text = `{"${BIG}":[${BIG},-${BIG},9007199254740991,1234567890123456.5,1e22,"${BIG}","\\"${BIG}","\\\\",${BIG}]}`;
  const value = parse(text);
  assert.deepEqual(value, { [BIG]: [BigInt(BIG), -BigInt(BIG), 9007199254740991, 1234567890123456.5, 1e22, BIG, `"${BIG}`, '\\', BigInt(BIG)] });
  assert.deepEqual(parse(stringify(value)), value);
});

test('what is no JSON is none with long integers either', () => {
  for (const text of [`[0${BIG}]`, `[${BIG}`, `${BIG}${BIG}-`, `[--${BIG}]`, `[${BIG},"]`]) assert.throws(() => parse(text), SyntaxError, text);
});

test('an integer has no more digits than Python reads', () => {
  const digits = '9'.repeat(4300);
  assert.equal(parse(`[-${digits}]`)[0], -BigInt(digits));
  assert.throws(() => parse(`{"a":${digits}9}`), RangeError);
  assert.equal(parse(`["${digits}9"]`)[0], `${digits}9`);
});

test('a string may be as long as a result', () => {
  const long = 'x'.repeat(32 << 20);
  assert.ok(parse(`["${long}",${BIG}]`)[0] === long);
  const [quotes, big] = parse(`["${'\\"'.repeat(16 << 20)}",${BIG}]`);
  assert.ok(quotes === '"'.repeat(16 << 20) && big === BigInt(BIG));
});

test('a string without an end is no JSON either, and is not searched for ever', () => {
  for (const part of ['x', '\\"', '\\']) assert.throws(() => parse(`[${BIG},"${part.repeat(1 << 20)}`), SyntaxError);
});
