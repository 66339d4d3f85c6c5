// The tools of a sandbox: as the guest is told of them, as stubs, and as what is called.

import { dereference } from '@cfworker/json-schema';

import { pythonNames } from './names.js';
import { Types, literal } from './types.js';

const MOST_DESCRIPTION_CHARS = 8_000;
const OPEN = Object.freeze({ type: 'object' });

/** A tool, with the types of its arguments: what it is given. */
export const tool = (definition) => definition;

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

// JSON Schema, or a schema of a library that implements Standard Schema and can write JSON Schema; as plain data, which can go to a thread.
function inputSchema(name, { input, schema }) {
  const standard = input?.['~standard'];
  const written = schema ?? (standard ? standard.jsonSchema?.input?.({ target: 'draft-2020-12' }) : (input ?? OPEN));
  if (standard && !isObject(written)) {
    throw new TypeError(`the tool ${name}: ${standard.vendor} gives no JSON Schema of its input: put one into \`schema\``);
  }
  if (!isObject(written)) throw new TypeError(`the tool ${name}: its input must be a JSON Schema of an object`);
  const text = JSON.stringify(written);
  const missing = unresolved(JSON.parse(text));
  if (missing) throw new TypeError(`the tool ${name}: its input refers to ${missing}, which it does not have`);
  return JSON.parse(text);
}

// A reference of a schema that leads nowhere. Writes into the schema.
function unresolved(schema) {
  const known = dereference(schema);
  return Object.values(known).find((one) => isObject(one) && one.$ref !== undefined && !known[one.__absolute_ref__])?.$ref;
}

function outputSchema({ output }) {
  const standard = output?.['~standard'];
  return standard ? standard.jsonSchema?.output?.({ target: 'draft-2020-12' }) : output;
}

// Text without what nobody sees: controls, and marks that change the order of characters.
const visible = (text) => String(text ?? '').replace(/[^\P{C}\n]/gu, ' ');

function entries(tools) {
  const all = Array.isArray(tools) ? tools.map((one) => [one.name, one]) : Object.entries(tools);
  return all.map(([key, one]) => {
    const definition = typeof one === 'function' ? { run: one } : one;
    const name = definition?.name ?? key;
    if (typeof name !== 'string' || name === '') throw new TypeError('a tool needs a name');
    if (typeof definition?.run !== 'function') throw new TypeError(`the tool ${name} needs a function \`run\``);
    return { name, definition };
  });
}

function parametersOf(schema) {
  const names = Object.keys(isObject(schema.properties) ? schema.properties : {});
  const python = pythonNames('parameter', names);
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  return names.map((name, place) => ({ pythonName: python[place], name, required: required.has(name), schema: schema.properties[name] }));
}

const isOpen = (schema, parameters) =>
  schema.additionalProperties === true || isObject(schema.additionalProperties) || (parameters.length === 0 && schema.additionalProperties === undefined);

function parameterText(one, types, owner) {
  const type = types.of(one.schema, `${owner}_${one.name}`);
  if (one.required) return `${one.pythonName}: ${type}`;
  const value = isObject(one.schema) && 'default' in one.schema ? literal(one.schema.default) : undefined;
  return `${one.pythonName}: ${type} = ${value ?? '...'}`;
}

function signature(pythonName, parameters, open, types, result) {
  const first = parameters.findIndex((one) => !one.required);
  // Python wants those with a default last: from here on the stub asks for keywords.
  const star = first < 0 ? -1 : parameters.findIndex((one, place) => place > first && one.required);
  const written = parameters.map((one) => parameterText(one, types, pythonName));
  if (star >= 0) written.splice(star, 0, '*');
  let others = 'others';
  while (parameters.some((one) => one.pythonName === others)) others += '_';
  if (open) written.push(`**${others}: Any`);
  return `${pythonName}(${written.join(', ')}) -> ${result === undefined ? 'Any' : types.of(result, `${pythonName}_result`)}`;
}

// What is known of a parameter beside its type, in a line.
function remark(one) {
  const text = isObject(one.schema) && typeof one.schema.description === 'string' ? visible(one.schema.description).replace(/\s+/g, ' ').trim() : '';
  const sent = one.pythonName === one.name ? '' : ` (sent as ${JSON.stringify(one.name)})`;
  return text || sent ? `${one.pythonName}${sent}${text && `: ${text}`}` : undefined;
}

function described({ name, definition }, pythonName) {
  const input = inputSchema(name, definition);
  const output = outputSchema(definition);
  const parameters = parametersOf(input);
  const open = isOpen(input, parameters);
  // References point into the schema that they stand in.
  const types = new Types(input);
  const line = signature(pythonName, parameters, open, types, undefined);
  const results = new Types(output);
  results.definitions = types.definitions;
  const result = output === undefined ? 'Any' : results.of(output, `${pythonName}_result`);
  const description = visible(definition.description).slice(0, MOST_DESCRIPTION_CHARS).trim();
  const remarks = parameters.map(remark).filter(Boolean);
  const own = pythonName === name ? '' : `Its server calls it ${JSON.stringify(name)}.`;
  const classes = [...types.definitions.values()].join('');
  const texts = [description.replace(/^(?=.)/gm, '  '), own, remarks.join('\n'), classes];
  return {
    name,
    pythonName,
    signature: line.replace(/Any$/, result),
    documentation: texts.filter(Boolean).join('\n\n'),
    parameters: parameters.map(({ pythonName, name, required }) => ({ pythonName, name, required })),
    acceptsOtherKeywords: open,
    schema: input,
    stub: { description, remarks, classes },
  };
}

const docstring = (lines) => {
  const text = lines.join('\n    ').replaceAll('\\', '\\\\').replaceAll('"""', "'''");
  return text.endsWith('"') ? `${text} ` : text;
};

function stubOf(server) {
  const defined = server.tools.map(({ signature, stub: { description, remarks, classes } }) => {
    const lines = [description.split('\n\n')[0].replace(/\s+/g, ' '), ...remarks].filter(Boolean);
    return `${classes}def ${signature}:${lines.length > 0 ? `\n    """${docstring(lines)}"""` : ' ...'}\n`;
  });
  const text = defined.join('');
  const typing = ['Any', 'Literal', 'NotRequired', 'TypedDict'].filter((name) => new RegExp(`\\b${name}\\b`).test(text));
  const count = `${server.tools.length} tool${server.tools.length === 1 ? '' : 's'}`;
  return `# ${count}. Call ${server.pythonName}.NAME(...).\n${typing.length > 0 ? `from typing import ${typing.join(', ')}\n` : ''}${text}`;
}

/** The tools of a sandbox, from `tools` and `servers` of its options. */
export class ToolSet {
  #runs = new Map();

  constructor(tools = {}, servers = {}) {
    const all = Object.entries(servers);
    if (Object.keys(tools).length > 0) {
      if ('tools' in servers) throw new TypeError('`tools` is the server of the tools without one: give the server another name');
      all.unshift(['tools', tools]);
    }
    const names = all.map(([name]) => name);
    const python = pythonNames('server', names);
    const described = all.map(([name, its], place) => this.#server(name, python[place], its));
    this.stubs = described.map(stubOf).join('\n');
    /** What a worker is told, as plain data. */
    this.servers = described.map(({ tools, ...server }) => ({ ...server, tools: tools.map(({ stub, ...one }) => one) }));
  }

  #server(name, pythonName, tools) {
    const all = entries(tools);
    const names = all.map((one) => one.name);
    if (new Set(names).size < names.length) throw new TypeError(`the server ${name} has two tools of one name`);
    const python = pythonNames('tool', names);
    const runs = new Map(all.map((one) => [one.name, one.definition]));
    this.#runs.set(name, runs);
    return { name, pythonName, tools: all.map((one, place) => described(one, python[place])) };
  }

  /** The definition of a tool by its own name. */
  find(server, name) {
    return this.#runs.get(server)?.get(name);
  }
}
