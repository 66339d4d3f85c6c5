// What the package promises beyond the contract.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { Cancelled, DEFAULT_LIMITS, GUEST_DIGEST, LimitReached, Sandbox, ScriptError, ToolError, WrongResult, close, tool } from 'exuvia';

const add = tool({
  description: 'Adds.',
  input: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer', default: 1 } }, required: ['a'], additionalProperties: false },
  run: ({ a, b = 1 }) => a + b,
});
const never = () => new Promise(() => {});
const tick = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const fails = (made) => made.then(() => assert.fail('it came to a result'), (error) => error);

test('a result has all that a run did', async () => {
  const { value, json, logs, calls, usage } = await new Sandbox({ tools: { add } }).run('print("hi")\nresult = {"sum": tools.add(2)}');
  assert.deepEqual([value, json, logs], [{ sum: 3 }, '{"sum":3}', 'hi\n']);
  assert.deepEqual(calls.map(({ ms, ...call }) => call), [{ server: 'tools', tool: 'add', outcome: 'ok' }]);
  assert.ok(usage.fuel > 1_000 && usage.memoryBytesPeak > 10 << 20 && usage.toolCalls === 1, JSON.stringify(usage));
  assert.match(GUEST_DIGEST, /^[0-9a-f]{64}$/);
});

test('an error has what the script did until then, and repairs', async () => {
  const error = await fails(new Sandbox({ tools: { add } }).run('print("hi")\ntools.add(a=1)\n{}["x"]'));
  assert.ok(error instanceof ScriptError && error instanceof Error);
  assert.deepEqual([error.kind, error.line, error.logs, error.calls.length], ['KeyError', 3, 'hi\n', 1]);
  assert.match(String(error), /KeyError.*\n.*\{\}\["x"\]/s);
});

test('scripts of one sandbox share nothing', async () => {
  const sandbox = new Sandbox();
  const script = 'import builtins\nresult = getattr(builtins, "seen", 0)\nbuiltins.seen = 1';
  for (let n = 0; n < 3; n += 1) assert.equal((await sandbox.run(script)).value, 0);
});

test('the event loop is free while a script computes, and a signal stops it', async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  let [ticks, timer] = [0];
  const onEvent = () => {
    timer = setInterval(() => (ticks += 1) === 10 && controller.abort(reason), 10);
  };
  const error = await fails(new Sandbox().run('print("on")\nwhile True: pass', { signal: controller.signal, onEvent }));
  clearInterval(timer);
  assert.ok(error instanceof Cancelled && error.cause === reason && error.logs === 'on\n', String(error));
  assert.ok(ticks >= 10);
  assert.ok((await fails(new Sandbox().run('1', { signal: AbortSignal.abort() }))) instanceof Cancelled);
});

test('a signal stops a script that waits for a tool, and aborts the tool', async () => {
  const controller = new AbortController();
  let aborted = false;
  const hang = (_, { signal }) => {
    signal.addEventListener('abort', () => (aborted = true));
    setTimeout(() => controller.abort(), 20);
    return never();
  };
  const error = await fails(new Sandbox({ tools: { hang } }).run('tools.hang()', { signal: controller.signal }));
  assert.ok(error instanceof Cancelled && aborted);
  assert.equal(error.calls[0].outcome, 'cancelled');
});

test('a signal ends the wait for a turn', async () => {
  const many = Array.from({ length: 20 }, () => fails(new Sandbox({ limits: { wallMs: 300 } }).run('while True: pass')));
  const controller = new AbortController();
  const last = new Sandbox().run('1', { signal: controller.signal });
  controller.abort();
  assert.ok((await fails(last)) instanceof Cancelled);
  for (const one of many) assert.equal((await one).limit, 'wallMs');
});

test('many scripts at a time come to their own results', async () => {
  const sandbox = new Sandbox({ tools: { add, wait: async ({ n }) => (await tick(5), n) } });
  const scripts = Array.from({ length: 24 }, (_, n) => sandbox.run(`tools.add(a=tools.wait(n=${n}), b=${n})`));
  assert.deepEqual((await Promise.all(scripts)).map((one) => one.value), Array.from({ length: 24 }, (_, n) => 2 * n));
});

test('events come while a script runs', async () => {
  const events = [];
  const ask = async () => (events.push({ type: 'asked' }), 1);
  await new Sandbox({ tools: { ask } }).run('print("a")\ntools.ask()\nprint("b")', { onEvent: (event) => events.push(event) });
  const told = events.map(({ type, text }) => (type === 'log' ? text : type)).join(' ');
  assert.match(told.replaceAll('\n', ''), /^a ?call-started asked call-ended b ?$/);
});

test('integers of any size and odd values cross', async () => {
  const seen = [];
  const echo = ({ value }) => (seen.push(value), value);
  const script = 'big = 2**80\nresult = [tools.echo(value=big) == big, tools.echo(value=str(big)), big, -(2**53), 1e22, tools.echo(value=[])]';
  const { value } = await new Sandbox({ tools: { echo } }).run(script);
  assert.deepEqual(value, [true, String(2n ** 80n), 2n ** 80n, -(2n ** 53n), 1e22, []]);
  assert.deepEqual(seen, [2n ** 80n, String(2n ** 80n), []]);
});

test('an integer of too many digits is an error of the script', async () => {
  const echo = ({ value }) => value;
  const sandbox = new Sandbox({ tools: { echo } });
  const large = 'from decimal import Decimal\nlarge = Decimal("9" * 5000)\n';
  const error = await fails(sandbox.run(`${large}result = large`));
  assert.deepEqual([error.kind, error.message], ['ValueError', 'the result: an integer has more than 4300 digits']);
  const refused = await fails(sandbox.run(`${large}tools.echo(value=large)`));
  assert.deepEqual([refused.kind, refused.calls[0].outcome], ['TypeError', 'invalid-arguments']);
});

test('what tools throw and give is told as it should be', async () => {
  const circle = {};
  circle.self = circle;
  const tools = {
    typed: () => { throw new ToolError('no such row', { row: 7 }); },
    plain: () => { throw new RangeError('out of paper'); },
    odd: () => { throw undefined; },
    hostile: () => { throw { toString() { throw new Error('no'); } }; },
    circle: () => circle,
    nothing: () => undefined,
  };
  const script = `
def told(call):
    try: return call()
    except ToolError as error: return [str(error), error.data]
result = [told(getattr(tools, name)) for name in ("typed", "plain", "odd", "hostile", "circle", "nothing")]`;
  const { value } = await new Sandbox({ tools }).run(script);
  assert.match(JSON.stringify(value[0]), /no such row.*"row":7/);
  assert.match(value[1][0], /RangeError: out of paper/);
  assert.match(value[2][0], /undefined/);
  assert.match(value[3][0], /hostile failed/);
  assert.match(value[4][0], /TypeError/);
  assert.equal(value[5], null);
  const masked = await new Sandbox({ tools, maskErrors: true }).run(script);
  assert.match(masked.value[0][0], /no such row/);
  assert.doesNotMatch(masked.value[1][0], /paper/);
});

test('arguments that do not fit reach no tool', async () => {
  let reached = 0;
  const counted = { ...add, run: (args) => ((reached += 1), add.run(args)) };
  const error = await fails(new Sandbox({ tools: { add: counted } }).run('tools.add(a="one")'));
  assert.deepEqual([error.kind, error.calls[0].outcome, reached], ['TypeError', 'invalid-arguments', 0]);
  assert.match(error.message, /a: the type "string" is invalid\. Expected "integer"/);
  const bad = { input: { type: 'object', properties: { a: { $ref: '#/$defs/Missing' } } }, run: never };
  assert.throws(() => new Sandbox({ tools: { bad } }), /the tool bad: its input refers to #\/\$defs\/Missing/);
  const odd = { input: { type: 'object', properties: { a: { type: 'string', pattern: '(' } } }, run: never };
  assert.match((await fails(new Sandbox({ tools: { odd } }).run('tools.odd(a="x")'))).message, /schema is broken/);
});

test('Zod gives a tool its arguments, with their defaults', async () => {
  const { z } = await import('zod');
  const input = z.object({ text: z.string().describe('Words.'), times: z.number().int().max(9).default(2) });
  const repeat = tool({ description: 'Repeats.', input, output: z.string(), run: ({ text, times }) => text.repeat(times) });
  const sandbox = new Sandbox({ tools: { repeat } });
  assert.ok(sandbox.stubs.includes('def repeat(text: str, times: int = 2) -> str:'), sandbox.stubs);
  assert.equal((await sandbox.run('tools.repeat(text="ab")')).value, 'abab');
  const error = await fails(sandbox.run('tools.repeat(text="ab", times=10)'));
  assert.deepEqual([error.kind, error.calls[0].outcome], ['TypeError', 'invalid-arguments']);
});

test('a Standard Schema gives tools their values, and checks results', async () => {
  const standard = (validate) => ({ '~standard': { version: 1, vendor: 'test', validate } });
  const input = standard(({ day }) => (day === '2026-02-30' ? { issues: [{ message: 'no such day', path: ['day'] }] } : { value: { day: new Date(day) } }));
  const weekday = tool({ input, schema: { type: 'object', properties: { day: { type: 'string' } }, required: ['day'] }, run: ({ day }) => day.getUTCDay() });
  const sandbox = new Sandbox({ tools: { weekday } });
  const text = standard((value) => (typeof value === 'string' ? { value } : { issues: [{ message: 'no text' }] }));
  assert.equal((await sandbox.run('tools.weekday("2026-11-30")')).value, 1);
  assert.match(String(await fails(sandbox.run('tools.weekday("2026-02-30")'))), /TypeError.*day: no such day/);
  assert.ok((await fails(sandbox.run('1', { returns: text }))) instanceof WrongResult);
  assert.equal((await sandbox.run('"x"', { returns: text })).value, 'x');
  assert.throws(() => new Sandbox({ tools: { weekday: { ...weekday, schema: undefined } } }), /gives no JSON Schema/);
});

test('calls beyond those at a time wait for their turn, in their order', async () => {
  let [out, most] = [0, 0];
  const began = [];
  const work = async ({ n }) => {
    began.push(n);
    most = Math.max(most, (out += 1));
    await tick(5);
    out -= 1;
  };
  const script = 'import asyncio\nawait asyncio.gather(*[tools.work(n=n) for n in range(9)])';
  await new Sandbox({ tools: { work }, limits: { concurrentCalls: 2 } }).run(script);
  assert.deepEqual([most, began], [2, [0, 1, 2, 3, 4, 5, 6, 7, 8]]);
});

test('answers beyond what may be buffered fail their calls', async () => {
  const text = () => 'x'.repeat(400_000);
  const script = `
import asyncio
calls = [asyncio.ensure_future(tools.text()) for _ in range(5)]
await asyncio.sleep(0.3)
result = [type(one).__name__ for one in await asyncio.gather(*calls, return_exceptions=True)]`;
  const { value } = await new Sandbox({ tools: { text }, limits: { bufferedBytes: 1_000_000 } }).run(script);
  assert.deepEqual(new Set(value), new Set(['str', 'ToolLimitReached']), String(value));
  const { value: all } = await new Sandbox({ tools: { text } }).run(script);
  assert.deepEqual(new Set(all), new Set(['str']));
});

test('what is buffered is counted in bytes, arguments and answers together', async () => {
  let told;
  const given = new Promise((resolve) => (told = resolve));
  const tools = {
    text: ({ text }) => (told(), text),
    given: async () => (await given, await tick(0), null),
  };
  // 300 characters, 900 bytes.
  const script = `
import asyncio
text = "\u8a9e" * 300
first = asyncio.ensure_future(tools.text(text=text))
# Blocks: nobody takes the answer meanwhile.
tools.given()
try:
    tools.text(text=text)
except ToolLimitReached as error:
    result = str(error)
await first
# A call that was refused gives nothing back.
for _ in range(3):
    try:
        await asyncio.gather(tools.text(text=text * 3))
    except ToolLimitReached:
        pass
refused = await asyncio.gather(*[tools.text(text=text) for _ in range(2)], return_exceptions=True)
result = [result, [type(one).__name__ for one in refused]]`;
  const { value, calls } = await new Sandbox({ tools, limits: { bufferedBytes: 1_000 } }).run(script);
  assert.match(value[0], /buffered_bytes/);
  assert.deepEqual(value[1].toSorted(), ['ToolLimitReached', 'str']);
  assert.deepEqual(calls.map((call) => call.outcome).slice(0, 3), ['ok', 'ok', 'limit-reached']);
});

test('limits are checked, and named', async () => {
  assert.throws(() => new Sandbox({ limits: { fuell: 1 } }), /no limit fuell: the limits are fuel, wallMs/);
  assert.throws(() => new Sandbox({ limits: { fuel: 0 } }), RangeError);
  assert.throws(() => new Sandbox({ limits: { toString: 1 } }), /no limit toString/);
  assert.equal(new Sandbox({ limits: { fuel: undefined } }).limits.fuel, DEFAULT_LIMITS.fuel);
  const error = await fails(new Sandbox({ limits: { memoryBytes: 1 << 20 } }).run('1'));
  assert.ok(error instanceof LimitReached && error.limit === 'memoryBytes');
  const stopped = await fails(new Sandbox({ limits: { fuel: 30_000_000 } }).run('while True: pass'));
  assert.ok(stopped.limit === 'fuel' && stopped.usage.fuel >= 30_000_000 && stopped.usage.fuel < 40_000_000, `${stopped.usage.fuel}`);
});

test('stubs say what a model needs', () => {
  const find = tool({
    description: 'Finds "contacts".\n\nMore about it.',
    input: {
      type: 'object',
      properties: {
        query: { type: 'string', description: 'Words.' },
        'max-rows': { type: ['integer', 'null'] },
        order: { enum: ['name', 'age'], default: 'name' },
        where: { $ref: '#/$defs/Where' },
      },
      required: ['query', 'where'],
      $defs: { Where: { type: 'object', properties: { city: { type: 'string' }, zip: { type: 'integer' } }, required: ['city'] } },
    },
    output: { type: 'array', items: { type: 'object', title: 'Contact', properties: { id: { type: 'integer' } }, required: ['id'] } },
    run: never,
  });
  assert.equal(
    new Sandbox({ servers: { crm: { 'find-contacts': find, open: never } } }).stubs,
    `# 2 tools. Call crm.NAME(...).
from typing import Any, Literal, NotRequired, TypedDict
class Where(TypedDict):
    city: str
    zip: NotRequired[int]
class Contact(TypedDict):
    id: int
def find_contacts(query: str, max_rows: int | None = ..., order: Literal["name","age"] = "name", *, where: Where) -> list[Contact]:
    """Finds "contacts".
    query: Words.
    max_rows (sent as "max-rows")"""
def open(**others: Any) -> Any: ...
`,
  );
});

test('a process ends when its scripts have, and unused sandboxes cost nothing', async () => {
  const code = `import { Sandbox } from 'exuvia'; const s = new Sandbox(); console.log((await s.run('1 + 1')).value);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { timeout: 60_000 });
  assert.equal(stdout, '2\n');
});

test('threads can be ended, and come back', async () => {
  close();
  assert.equal((await new Sandbox().run('1 + 1')).value, 2);
});

test('an engine that cannot start fails each script, and starts when it can', async () => {
  // The package once more, so that it has an engine of its own and can be broken.
  const from = fileURLToPath(new URL('..', import.meta.resolve('exuvia')));
  const folder = join(dirname(from), 'exuvia-without-guest');
  cpSync(from, folder, { recursive: true });
  const modules = join(folder, 'guest/modules.json');
  renameSync(modules, `${modules}.away`);
  const broken = await import(pathToFileURL(join(folder, 'lib/index.js')));
  broken.configure({ concurrentRuns: 1 });
  const sandbox = new broken.Sandbox();
  const failed = await Promise.all([1, 2, 3].map(() => fails(sandbox.run('1'))));
  for (const error of failed) assert.ok(error instanceof broken.Fault && /modules\.json/.test(error.message), String(error));
  renameSync(`${modules}.away`, modules);
  assert.deepEqual((await Promise.all([1, 2].map((n) => sandbox.run(`${n}`)))).map((one) => one.value), [1, 2]);
  broken.close();
});
