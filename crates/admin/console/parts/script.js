// A script with its line numbers, and beside or below each line whatever belongs to it.

import { h } from "../core/dom.js";
import { visible } from "../core/visible.js";
import { pythonLines } from "./python.js";

const SLICE = 400;

/**
 * An ordered list of the lines. `beside` maps a line's number to nodes; `marked` is a set of numbers that stand out; with `ids`
 * each line can be linked to as `#line-N`.
 */
export function scriptBlock(source, { beside = new Map(), marked = new Set(), label = "Script" } = {}) {
    const list = h("ol.code.script", { "aria-label": label, class: beside.size ? "has-beside" : "" });
    const lines = pythonLines(source.replace(/\n$/, ""));
    list.style.setProperty("--digits", String(String(lines.length).length));
    fill(list, lines.entries(), { beside, marked });
    return list;
}

function fill(list, lines, options) {
    const made = [];
    for (const [index, tokens] of lines) {
        made.push(lineOf(index + 1, tokens, options));
        if (made.length === SLICE) break;
    }
    list.append(...made);
    if (made.length === SLICE) setTimeout(() => fill(list, lines, options));
    else list.dataset.complete = "true";
}

function lineOf(number, tokens, { beside, marked }) {
    const parts = tokens.map(([kind, text]) => (kind === "text" ? visible(text, { tabs: true }) : h(`span.${kind}`, visible(text, { tabs: true }))));
    const nodes = beside.get(number);
    return h("li.line", { class: marked.has(number) ? "is-marked" : "", data: { line: number } },
        h("span.number", { "aria-hidden": "true" }, String(number)),
        h("code", parts.length ? parts : " "),
        nodes && h("div.beside", nodes));
}
