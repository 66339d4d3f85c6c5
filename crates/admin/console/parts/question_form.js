// The form of a question that a server asks: fields made of its flat schema. Every text of it is a text node.

import { h } from "../core/dom.js";
import { visible } from "../core/visible.js";

/** What the kinds of texts are typed with. */
const KEYBOARDS = { email: "email", uri: "url" };

/** `{element, content}`: `content()` is what was filled in, or throws what is wrong. */
export function questionForm(schema) {
    const required = new Set(Array.isArray(schema?.required) ? schema.required : []);
    const fields = Object.entries(schema?.properties ?? {}).map(([name, one], number) => field(name, one ?? {}, required.has(name), `field-${number}`));
    const content = () => Object.fromEntries(fields.map(({ name, value }) => [name, value()]).filter(([, value]) => value !== undefined));
    return { element: h("div.question-fields", fields.map(({ element }) => element)), content };
}

function field(name, schema, isRequired, id) {
    const label = [visible(schema.title ?? name), isRequired && h("span.quiet", " required")];
    const about = schema.description && h("p.quiet", { id: `${id}-about` }, visible(schema.description));
    const described = about ? { "aria-describedby": `${id}-about` } : {};
    const needed = (value) => {
        if (value === undefined && isRequired) throw new Error(`${schema.title ?? name}: must be filled in.`);
        return value;
    };
    const made = maker(schema)(id, schema, { ...described, "aria-required": String(isRequired) });
    const value = () => needed(made.value(schema.title ?? name));
    const element = made.isGroup
        ? h("fieldset.field", h("legend", label), about, made.element)
        : h("div.field", h("label", { for: id }, label), about, made.element);
    return { name, value, element };
}

function maker(schema) {
    if (schema.type === "array") return choicesOf(schema.items ?? {}).length ? several : unknown;
    if (choicesOf(schema).length) return choice;
    return { string: text, integer: number, number, boolean }[schema.type] ?? unknown;
}

/** What can be chosen: `[value, title]`. */
function choicesOf(schema) {
    const titled = schema.oneOf ?? schema.anyOf;
    if (Array.isArray(titled)) return titled.filter((one) => typeof one?.const === "string").map((one) => [one.const, one.title ?? one.const]);
    if (!Array.isArray(schema.enum)) return [];
    const names = Array.isArray(schema.enumNames) ? schema.enumNames : [];
    return schema.enum.filter((one) => typeof one === "string").map((one, place) => [one, names[place] ?? one]);
}

function text(id, { default: before, maxLength, format }, shared) {
    const element = h("input", { id, type: "text", autocomplete: "off", spellcheck: "false", inputmode: KEYBOARDS[format], value: typeof before === "string" ? before : "", ...shared });
    return { element, value: (title) => {
        if (!element.value) return undefined;
        if (Number.isInteger(maxLength) && [...element.value].length > maxLength) throw new Error(`${title}: at most ${maxLength} characters.`);
        return element.value;
    } };
}

function number(id, { default: before, type }, shared) {
    const element = h("input", { id, type: "text", autocomplete: "off", inputmode: type === "integer" ? "numeric" : "decimal", value: typeof before === "number" ? String(before) : "", ...shared });
    return { element, value: (title) => {
        const written = element.value.trim();
        if (!written) return undefined;
        const read = Number(written);
        if (!Number.isFinite(read)) throw new Error(`${title}: must be a number.`);
        if (type === "integer" && !Number.isSafeInteger(read)) throw new Error(`${title}: must be a whole number of at most 15 digits.`);
        return read;
    } };
}

function boolean(id, { default: before }, shared) {
    const element = h("input", { id, type: "checkbox", checked: before === true, ...shared });
    return { element, value: () => element.checked };
}

function choice(id, schema, shared) {
    const options = choicesOf(schema).map(([value, title]) => h("option", { value, selected: value === schema.default }, visible(title)));
    const element = h("select", { id, ...shared }, h("option", { value: "" }, "Choose…"), options);
    const values = choicesOf(schema).map(([value]) => value);
    return { element, value: () => values[element.selectedIndex - 1] };
}

function several(id, { items, default: before = [] }) {
    const boxes = choicesOf(items).map(([value, title], place) => {
        const box = h("input", { id: `${id}-${place}`, type: "checkbox", checked: Array.isArray(before) && before.includes(value) });
        return { value, box, element: h("span.check", box, h("label", { for: `${id}-${place}` }, visible(title))) };
    });
    const element = h("div.question-choices", boxes.map((one) => one.element));
    return { isGroup: true, element, value: () => {
        const chosen = boxes.filter(({ box }) => box.checked).map(({ value }) => value);
        return chosen.length ? chosen : undefined;
    } };
}

function unknown() {
    return { isGroup: true, element: h("p.warning", "This field cannot be filled in here."), value: () => undefined };
}
