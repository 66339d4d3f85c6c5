// The same data in every run: a small generator with a seed.

export function generator(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return {
    next,
    below: (most) => Math.floor(next() * most),
    one: (list) => list[Math.floor(next() * list.length)],
  };
}

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A ULID of a time and a number. */
export function ulid(ms, number) {
  let text = "";
  for (let left = ms, index = 0; index < 10; index += 1, left = Math.floor(left / 32)) text = DIGITS[left % 32] + text;
  let tail = "";
  for (let left = number * 7919 + 12345, index = 0; index < 16; index += 1, left = Math.floor(left / 32)) tail = DIGITS[(left + index * 5) % 32] + tail;
  return text + tail;
}
