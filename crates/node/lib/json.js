// JSON with integers of any size: those beyond 2^53 are BigInts, which JSON.parse would round.

import { randomBytes } from 'node:crypto';

// Stands before the digits of a BigInt while it is a string. Nothing outside of this file ever sees it.
const MARK = randomBytes(16).toString('hex');
const LONG = /\d{16}/;
// Where a string begins, or a number. No expression matches a whole string: V8 keeps a state for each repetition of a group, and has no room for
// those of a long string, and one that avoids this takes for ever over a string without an end.
const QUOTE_OR_NUMBER = /"|-?\d[\d.eE+-]*/g;
const INTEGER = /^-?[1-9]\d*$/;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');
const BACKSLASH = 0x5c;

// What Python itself reads and writes. BigInt takes seconds for millions of digits, on the thread of the application.
const MOST_DIGITS = 4300;

function isBig(token) {
  if (token.length < 16 || !INTEGER.test(token)) return false;
  if (token.length - token.startsWith('-') > MOST_DIGITS) throw new RangeError(`an integer has more than ${MOST_DIGITS} digits`);
  return !Number.isSafeInteger(Number(token));
}

function isEscaped(text, at) {
  let before = at;
  while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
  return (at - before) % 2 === 1;
}

// Where a string ends that begins before a place; where the text ends if it does not.
function endOfString(text, from) {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) if (!isEscaped(text, at)) return at + 1;
  return text.length;
}

// The text with large integers as strings that are marked.
function marked(text) {
  const parts = [];
  let copied = 0;
  QUOTE_OR_NUMBER.lastIndex = 0;
  for (let found; (found = QUOTE_OR_NUMBER.exec(text)); ) {
    const [token] = found;
    if (token === '"') QUOTE_OR_NUMBER.lastIndex = endOfString(text, found.index + 1);
    else if (isBig(token)) {
      parts.push(text.slice(copied, found.index), `"${MARK}${token}"`);
      copied = found.index + token.length;
    }
  }
  return parts.length === 0 ? text : parts.join('') + text.slice(copied);
}

/** The value of a JSON text. Throws a SyntaxError if it is none, and a RangeError if an integer has too many digits. */
export function parse(text) {
  const whole = LONG.test(text) ? marked(text) : text;
  if (whole === text) return JSON.parse(text);
  return JSON.parse(whole, (_, value) => (typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value));
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
