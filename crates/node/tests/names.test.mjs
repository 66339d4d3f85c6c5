// The rules of `crates/catalog/src/names.rs`, with the names of its tests.

import assert from 'node:assert/strict';
import test from 'node:test';

const { pythonNames } = await import(new URL('names.js', import.meta.resolve('exuvia')));

const same = (kind, pairs) => {
  const names = Object.entries(pairs);
  assert.deepEqual(pythonNames(kind, names.map(([name]) => name)), names.map(([, python]) => python));
};

test('odd names get the documented form', () => {
  same('tool', { 'get-user': 'get_user', 'a.b/c': 'a_b_c', '2fa': '_2fa', from: 'from_', None: 'None_', $filter: 'filter', '--x--': 'x' });
  same('tool', { 'ｙｏｕ': 'you', größe: 'größe', 日本: '日本', 'a  b': 'a_b', _x: '_x' });
});

test('invisible characters are in no name', () => {
  same('tool', { 'a\u3164b': 'a_b', 'a\ufe0f': 'a', '\uffa0': 'tool', '\u1160x': 'x', 'e\u0301\u{e0100}': 'é' });
});

test('nothing usable gets a name all the same', () => {
  assert.deepEqual(pythonNames('tool', ['', '!!', '🙂']), ['tool', 'tool_2', 'tool_3']);
  assert.deepEqual(pythonNames('parameter', ['-']), ['arg']);
  // One pass, not one for each.
  assert.equal(pythonNames('tool', Array.from({ length: 50_000 }, (_, n) => '!'.repeat(n % 7))).at(-1), 'tool_50000');
});

test('a valid name keeps itself even behind a rival', () => {
  same('tool', { 'get-user': 'get_user_3', 'get.user': 'get_user_4', get_user: 'get_user', get_user_2: 'get_user_2' });
  same('tool', { from: 'from_2', from_: 'from_' });
});

test('dunders belong to Python, and servers hide nothing', () => {
  same('tool', { __class__: 'class_', __init__: 'init', ____: 'tool', __private: '__private', list: 'list', time: 'time' });
  same('parameter', { __typename__: '__typename__', __debug__: '__debug___' });
  same('server', { time: 'time_', print: 'print_', mcp: 'mcp_', result: 'result_', ToolError: 'ToolError_', git: 'git', match: 'match', list: 'list_' });
});

test('a long name is cut and stays unique', () => {
  const long = 'x'.repeat(500);
  const names = pythonNames('tool', [long, `${long}y`]);
  assert.equal(names[0].length, 128);
  assert.ok(names[1].endsWith('_2'));
});
