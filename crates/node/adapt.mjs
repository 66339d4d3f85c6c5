// Adapts what jco wrote into a folder: `node adapt.mjs FOLDER`.
//
// The core module imports its memory, so that the host can bound it, and `modules.json` says which modules there are and how many pages the
// memory begins with. The glue makes no wrappers for asynchronous exports, which the contract has none of: they take 20 ms each, for every script.
// And it asks no environment whether to log.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [IMPORTS, MEMORIES] = [2, 5];
const NAME = [6, ...Buffer.from('exuvia'), 6, ...Buffer.from('memory')];
const MEMORY = 2;

function leb(bytes, at) {
  let [value, shift] = [0, 0];
  for (;;) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    shift += 7;
    if (byte < 0x80) return [value, at];
  }
}

function unsigned(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}

function* sections(bytes) {
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at];
    const [size, begin] = leb(bytes, at + 1);
    yield { id, body: bytes.subarray(begin, begin + size) };
    at = begin + size;
  }
}

const section = (id, body) => Buffer.concat([Buffer.from([id, ...unsigned(body.length)]), body]);

// The module with its memory imported, and the memory's first size; undefined if it defines none.
function imported(bytes) {
  const all = [...sections(bytes)];
  const memories = all.find((one) => one.id === MEMORIES);
  if (!memories) return undefined;
  if (memories.body[0] !== 1 || memories.body[1] > 1) throw new Error('one memory of 32 bits is expected');
  const [pages] = leb(memories.body, 2);
  const entry = Buffer.concat([Buffer.from([...NAME, MEMORY]), memories.body.subarray(1)]);
  const parts = all.map(({ id, body }) => {
    if (id === MEMORIES) return Buffer.alloc(0);
    if (id !== IMPORTS) return section(id, body);
    const [count, begin] = leb(body, 0);
    return section(id, Buffer.concat([Buffer.from(unsigned(count + 1)), body.subarray(begin), entry]));
  });
  if (!all.some((one) => one.id === IMPORTS)) throw new Error('a module that imports something is expected');
  return { pages, bytes: Buffer.concat([bytes.subarray(0, 8), ...parts]) };
}

const [folder] = process.argv.slice(2);
const modules = readdirSync(folder).filter((file) => file.endsWith('.wasm')).sort();
const found = modules.map((file) => ({ file, changed: imported(readFileSync(join(folder, file))) })).filter((one) => one.changed);
if (found.length !== 1) throw new Error(`one core module with a memory is expected, not ${found.length}`);
const [{ file, changed }] = found;
writeFileSync(join(folder, file), changed.bytes);
writeFileSync(join(folder, 'modules.json'), `${JSON.stringify({ modules, pages: changed.pages })}\n`);

function replaced(text, what, by) {
  const found = text.replaceAll(what, by);
  if (found === text) throw new Error(`the glue of jco has no ${what}`);
  return found;
}

const glue = join(folder, 'guest.js');
let text = readFileSync(glue, 'utf8');
text = replaced(text, /WebAssembly\.promising\(([\w.]+)\)/g, '$1');
text = replaced(text, 'if (!globalThis?.process?.env?.JCO_DEBUG) { return; }', 'return;');
writeFileSync(glue, text);
