// The limits of a run, and what their being reached means. The names of the contract (`wall_ms`) are those of here (`wallMs`) in the
// spelling of Python.

export const DEFAULTS = Object.freeze({
  fuel: 20_000_000_000,
  wallMs: 120_000,
  memoryBytes: 256 << 20,
  toolCalls: 10_000,
  concurrentCalls: 32,
  callTimeoutMs: 30_000,
  callArgumentsBytes: 4 << 20,
  callResultBytes: 16 << 20,
  bufferedBytes: 128 << 20,
  logBytes: 256 << 10,
  resultBytes: 16 << 20,
  sourceBytes: 1 << 20,
});

// The timers of Node take no more milliseconds, and some add to a limit.
const MOST_MS = 2 ** 31 - 1 - 60_000;
const MOST_MEMORY = 4 * 2 ** 30;

/** The name of a limit in the contract, as scripts read it. */
export const contractName = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function checked(name, value) {
  if (!Object.hasOwn(DEFAULTS, name)) throw new TypeError(`there is no limit ${name}: the limits are ${Object.keys(DEFAULTS).join(', ')}`);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`the limit ${name} must be a whole number from 1`);
  if (name.endsWith('Ms')) return Math.min(value, MOST_MS);
  return name === 'memoryBytes' ? Math.min(value, MOST_MEMORY) : value;
}

/** All limits, from those that are given. */
export function limitsFrom(given = {}) {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.freeze({ ...DEFAULTS, ...Object.fromEntries(set.map(([name, value]) => [name, checked(name, value)])) });
}

/** What the author of the script is told of a limit that stopped it. */
export function limitMessage(limit, limits, used) {
  switch (limit) {
    case 'fuel':
      return `the script used up its ${limits.fuel} units of fuel: do less work, or call tools that filter`;
    case 'wallMs':
      return `the script ran for ${limits.wallMs} ms: make calls in parallel with asyncio.gather, or do less`;
    case 'memoryBytes':
      return `the script needs more than ${limits.memoryBytes} bytes of memory: keep less at a time`;
    case 'toolCalls':
      return `the script made more than ${limits.toolCalls} tool calls: fetch more per call`;
    case 'resultBytes':
      return `the result is ${used} bytes of JSON, result_bytes allows ${limits.resultBytes}: return a summary or the part that is needed`;
    case 'sourceBytes':
      return `the script is ${used} bytes, source_bytes allows ${limits.sourceBytes}: send a shorter one`;
    default:
      return 'the script ran out of stack: recurse less deeply';
  }
}
