// Python names for the names of servers, tools and parameters: the rules of `crates/catalog/src/names.rs`.

const KEYWORDS = new Set(
  `False None True __debug__ and as assert async await break class continue def del elif else except finally for from global if import in is
  lambda nonlocal not or pass raise return try while with yield`.split(/\s+/),
);
// What a global of this name would hide from scripts.
const GLOBALS = new Set(
  `_ exuvia mcp result ToolDenied ToolError ToolLimitReached ToolTimeout ToolUnavailable
  ArithmeticError AssertionError AttributeError BaseException Ellipsis Exception ImportError IndexError KeyError LookupError MemoryError NameError
  NotImplemented OSError PermissionError RecursionError RuntimeError StopIteration SyntaxError SystemExit TimeoutError TypeError ValueError
  ZeroDivisionError abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex delattr dict dir
  divmod enumerate eval exec exit filter float format frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter len
  list locals map max memoryview min next object oct open ord pow print property quit range repr reversed round set setattr slice sorted
  staticmethod str sum super tuple type vars zip
  array ast asyncio base64 bisect calendar cmath codecs collections contextlib copy csv dataclasses datetime decimal difflib email enum errno
  fractions functools gc glob graphlib gzip hashlib heapq hmac html http inspect io ipaddress itertools json keyword locale logging math mimetypes
  numbers operator os pathlib pickle platform pprint queue random re secrets select shlex shutil signal socket sqlite3 ssl stat statistics string
  struct subprocess sys tempfile textwrap threading time timeit token traceback types typing unicodedata unittest urllib uuid warnings weakref
  xml zipfile zlib zoneinfo`.split(/\s+/),
);
const MOST_CHARS = 128;
const NAMELESS = { server: 'server', tool: 'tool', parameter: 'arg' };
const IDENTIFIER = /^[_\p{XID_Start}]\p{XID_Continue}*$/u;
const NO_PART = /[^\p{XID_Continue}]|\p{Default_Ignorable_Code_Point}/gu;

const isDunder = (name) => name.startsWith('__') && name.endsWith('__');
const isReserved = (kind, name) => KEYWORDS.has(name) || (kind === 'server' && GLOBALS.has(name));

export const isIdentifier = (name) => IDENTIFIER.test(name) && !/\p{Default_Ignorable_Code_Point}/u.test(name) && name.normalize('NFKC') === name;

const stays = (kind, name) =>
  isIdentifier(name) && name.length <= MOST_CHARS && !isReserved(kind, name) && (kind === 'parameter' || !isDunder(name));

function sanitized(kind, name) {
  const plain = [...name.normalize('NFKC')].slice(0, MOST_CHARS).join('');
  let python = plain.replace(NO_PART, ' ').trim().replace(/_? +_?/g, '_');
  if (kind !== 'parameter' && isDunder(python)) python = python.replace(/^_+|_+$/g, '');
  if (/^_*$/.test(python)) python = NAMELESS[kind];
  if (!IDENTIFIER.test(python)) python = `_${python}`;
  return isReserved(kind, python) ? `${python}_` : python;
}

// `numbers`: the next one for each stem, so that many equal names take one pass.
function free(kind, name, taken, numbers) {
  const wanted = sanitized(kind, name);
  const stem = wanted.replace(/_+$/, '');
  let candidate = wanted;
  while (taken.has(candidate)) {
    const number = numbers.get(stem) ?? 2;
    numbers.set(stem, number + 1);
    candidate = `${stem}_${number}`;
  }
  taken.add(candidate);
  return candidate;
}

/** The Python names, in the order of the names. `kind`: server, tool or parameter. */
export function pythonNames(kind, names) {
  const taken = new Set(names.filter((name) => stays(kind, name)));
  const [kept, numbers] = [new Set(), new Map()];
  return names.map((name) => {
    if (!taken.has(name) || !stays(kind, name) || kept.has(name)) return free(kind, name, taken, numbers);
    kept.add(name);
    return name;
  });
}
