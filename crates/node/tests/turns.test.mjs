// Who runs next.

import assert from 'node:assert/strict';
import test from 'node:test';

const { Turns } = await import(new URL('turns.js', import.meta.resolve('exuvia')));

// What a turn came to until now: undefined, or whether it was taken.
async function state(turn) {
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([turn, undefined]);
}

test('turns come in their order, and come back', async () => {
  const turns = new Turns(2);
  const [a, b, c, d] = Array.from({ length: 4 }, () => turns.take());
  assert.deepEqual([await a, await b, await state(c), await state(d)], [true, true, undefined, undefined]);
  turns.give();
  assert.deepEqual([await c, await state(d)], [true, undefined]);
  for (let n = 0; n < 3; n += 1) turns.give();
  assert.ok((await d) && (await turns.take()) && (await turns.take()));
  assert.equal(await state(turns.take()), undefined);
});

test('a signal takes itself out of the line, and nobody else', async () => {
  const turns = new Turns(1);
  await turns.take();
  const controllers = [new AbortController(), new AbortController(), new AbortController()];
  const waiting = controllers.map(({ signal }) => turns.take(signal));
  controllers[1].abort();
  assert.deepEqual([await state(waiting[0]), await waiting[1], await state(waiting[2])], [undefined, false, undefined]);
  turns.give();
  // After the turn was given, and before anybody knows.
  controllers[0].abort();
  assert.deepEqual([await waiting[0], await state(waiting[2])], [true, undefined]);
  turns.give();
  assert.equal(await waiting[2], true);
});

test('a signal that came before takes no turn', async () => {
  const turns = new Turns(1);
  assert.equal(await turns.take(AbortSignal.abort()), false);
  assert.equal(await turns.take(), true);
});
