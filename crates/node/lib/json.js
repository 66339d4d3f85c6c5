// JSON with integers of any size: those beyond 2^53 are BigInts, which JSON.parse would round.

import { randomBytes } from 'node:crypto';

// Stands before the digits of a BigInt while it is a string. Nothing outside of this file ever sees it.
const MARK = randomBytes(16).toString('hex');
const LONG = /\d{16}/;
const STRINGS_AND_NUMBERS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;
const INTEGER = /^-?\d+$/;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

const isBig = (token) => token.length >= 16 && INTEGER.test(token) && !Number.isSafeInteger(Number(token));

/** The value of a JSON text. */
export function parse(text) {
  if (!LONG.test(text)) return JSON.parse(text);
  const marked = text.replace(STRINGS_AND_NUMBERS, (token) => (isBig(token) ? `"${MARK}${token}"` : token));
  if (marked === text) return JSON.parse(text);
  return JSON.parse(marked, (_, value) => (typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value));
}

/** The JSON text of a value; of `undefined`, `null`. Throws a TypeError if it has none. */
export function stringify(value) {
  let big = false;
  const text = JSON.stringify(value, (_, one) => {
    if (typeof one !== 'bigint') return one;
    big = true;
    return `${MARK}${one}`;
  });
  if (text === undefined) return 'null';
  return big ? text.replace(MARKED, '$1') : text;
}
