// Types of Python for JSON schemas. Objects with properties become classes, which the stub defines.

const MOST_DEPTH = 6;
const MOST_LITERALS = 64;

/** A value as Python writes it. Undefined: it is too long. */
export function literal(value) {
  const written =
    value === null ? 'None' : value === true ? 'True' : value === false ? 'False' : JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? Number(one) : one));
  const isPlain = value === null || typeof value !== 'object' || (Object.keys(value).length === 0 && written.length === 2);
  return isPlain && written.length <= 60 ? written : undefined;
}

// Names that mean something else in a stub.
const TAKEN = new Set(['Any', 'Literal', 'NotRequired', 'TypedDict', 'None', 'True', 'False']);
const pascal = (text) =>
  text
    .split(/[^\p{XID_Continue}]+|_+/u)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')
    .replace(/^\d/, '_$&') || 'Value';

/** The classes of one tool, by name, and the spelling of its types. */
export class Types {
  definitions = new Map();
  #classes = new Map();

  constructor(root) {
    this.root = root;
  }

  /** The type of a schema. `hint` names a class that is made of it. */
  of(schema, hint, depth = 0) {
    if (schema === true || schema === undefined || depth > MOST_DEPTH) return 'Any';
    if (typeof schema !== 'object' || schema === null) return 'Any';
    if (typeof schema.$ref === 'string') return this.#reference(schema.$ref, hint, depth);
    if (Array.isArray(schema.enum)) return this.#literals(schema.enum);
    if ('const' in schema) return this.#literals([schema.const]);
    const forms = schema.anyOf ?? schema.oneOf;
    if (Array.isArray(forms)) return union(forms.map((one) => this.of(one, hint, depth + 1)));
    if (Array.isArray(schema.allOf) && schema.allOf.length === 1) return this.of(schema.allOf[0], hint, depth + 1);
    if (Array.isArray(schema.type)) return union(schema.type.map((type) => this.of({ ...schema, type }, hint, depth)));
    return this.#plain(schema, hint, depth);
  }

  #plain(schema, hint, depth) {
    switch (schema.type) {
      case 'string':
        return 'str';
      case 'integer':
        return 'int';
      case 'number':
        return 'float';
      case 'boolean':
        return 'bool';
      case 'null':
        return 'None';
      case 'array': {
        const item = Array.isArray(schema.items) ? 'Any' : this.of(schema.items, hint, depth + 1);
        return item === 'Any' ? 'list' : `list[${item}]`;
      }
      case 'object':
        return this.#object(schema, hint, depth);
      default:
        return schema.properties ? this.#object(schema, hint, depth) : 'Any';
    }
  }

  #object(schema, hint, depth) {
    const properties = Object.entries(schema.properties ?? {});
    if (properties.length === 0) {
      const value = schema.additionalProperties;
      const type = value && typeof value === 'object' ? this.of(value, hint, depth + 1) : 'Any';
      return type === 'Any' ? 'dict' : `dict[str, ${type}]`;
    }
    if (this.#classes.has(schema)) return this.#classes.get(schema);
    let name = pascal(typeof schema.title === 'string' && schema.title ? schema.title.slice(0, 40) : hint);
    for (let number = 2; this.definitions.has(name) || TAKEN.has(name); number += 1) name = `${name.replace(/\d+$/, '')}${number}`;
    this.#classes.set(schema, name);
    // Its place before those of its own properties.
    this.definitions.set(name, '');
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    const fields = properties.slice(0, 100).map(([key, value]) => {
      const type = this.of(value, `${name}_${key}`, depth + 1);
      return [key, required.has(key) ? type : `NotRequired[${type}]`];
    });
    this.definitions.set(name, definition(name, fields));
    return name;
  }

  #reference(reference, hint, depth) {
    if (!reference.startsWith('#/')) return 'Any';
    const path = reference.slice(2).split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const found = path.reduce((value, key) => (value && typeof value === 'object' ? value[key] : undefined), this.root);
    return this.of(found, path.at(-1) || hint, depth + 1);
  }

  #literals(values) {
    const written = values.map((value) => (typeof value === 'number' && !Number.isInteger(value) ? undefined : literal(value)));
    if (values.length === 0 || values.length > MOST_LITERALS || written.includes(undefined) || values.some((one) => one && typeof one === 'object')) {
      return 'Any';
    }
    const named = written.filter((one) => one !== 'None');
    return union([...(named.length > 0 ? [`Literal[${named.join(',')}]`] : []), ...(named.length < written.length ? ['None'] : [])]);
  }
}

function definition(name, fields) {
  if (fields.every(([key]) => /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(key))) {
    return `class ${name}(TypedDict):\n${fields.map(([key, type]) => `    ${key}: ${type}\n`).join('')}`;
  }
  return `${name} = TypedDict("${name}", {\n${fields.map(([key, type]) => `    ${JSON.stringify(key)}: ${type},\n`).join('')}})\n`;
}

function union(types) {
  const all = new Set(types);
  if (all.size === 0 || all.has('Any')) return 'Any';
  if (all.has('float')) all.delete('int');
  const none = all.delete('None');
  return [...all, ...(none ? ['None'] : [])].join(' | ');
}
