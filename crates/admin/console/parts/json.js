// JSON text, laid out in lines without being parsed into values: every token is shown byte for byte, with its duplicate keys, its
// digits and its escapes. Only white space between tokens is other than in the text.

import { h } from "../core/dom.js";
import { visible } from "../core/visible.js";

const LITERAL = /-?\d[\d.eE+-]*|true|false|null/y;
const SIGNS = "{}[],:";
/** How many lines are made at once before the page is drawn. */
const SLICE = 400;
const DEPTH = 24;

/** The lines of JSON text, `{indent, tokens: [[kind, text]]}`. None where it is no JSON. */
export function jsonLines(text) {
    const lines = [{ indent: 0, tokens: [] }];
    let depth = 0;
    let isFirst = false;
    for (const [kind, token] of tokens(text)) {
        if (kind === "wrong") return null;
        const opens = token === "{" || token === "[";
        if (token === "}" || token === "]") {
            depth -= 1;
            if (depth < 0) return null;
            if (!isFirst) lines.push({ indent: depth, tokens: [] });
        } else if (isFirst) {
            lines.push({ indent: depth, tokens: [] });
        }
        isFirst = opens;
        lines.at(-1).tokens.push([kind, token]);
        if (opens) depth += 1;
        else if (token === ",") lines.push({ indent: depth, tokens: [] });
    }
    return depth === 0 && lines.at(-1).tokens.length ? marked(lines) : null;
}

function* tokens(text) {
    let at = 0;
    while (at < text.length) {
        const character = text[at];
        let end = at + 1;
        if (" \t\n\r".includes(character)) {
            at = end;
            continue;
        }
        let kind = "sign";
        if (character === '"') {
            kind = "string";
            end = stringEnd(text, at);
        } else if (!SIGNS.includes(character)) {
            kind = "literal";
            LITERAL.lastIndex = at;
            end = LITERAL.test(text) ? LITERAL.lastIndex : -1;
        }
        if (end < 0) {
            yield ["wrong", ""];
            return;
        }
        yield [kind, text.slice(at, end)];
        at = end;
    }
}

function stringEnd(text, start) {
    for (let at = start + 1; at < text.length; at += 1) {
        const code = text.charCodeAt(at);
        if (code === 0x22) return at + 1;
        if (code === 0x5c) at += 1;
        else if (code < 0x20) return -1;
    }
    return -1;
}

/** Strings before a colon are keys. */
function marked(lines) {
    for (const { tokens } of lines) {
        for (const [index, token] of tokens.entries()) {
            if (token[0] === "string" && tokens[index + 1]?.[1] === ":") token[0] = "key";
        }
    }
    return lines;
}

/** A block that shows JSON text, in lines or (`exact`) just as it is. Text that is no JSON is shown as it is. */
export function jsonBlock(text, { exact = false, label = "JSON" } = {}) {
    const block = h("div.code.json", { role: "group", "aria-label": label, tabindex: "0" });
    const lines = exact ? null : jsonLines(text);
    const rows = lines ?? text.split("\n").map((line) => ({ indent: 0, tokens: [["text", line]] }));
    fill(block, rows.values());
    return block;
}

function fill(block, rows) {
    const made = [];
    for (const row of rows) {
        made.push(lineOf(row));
        if (made.length === SLICE) break;
    }
    block.append(...made);
    if (made.length === SLICE) setTimeout(() => fill(block, rows));
    else block.dataset.complete = "true";
}

function lineOf({ indent, tokens }) {
    const parts = tokens.map(([kind, text]) => {
        const shown = kind === "sign" ? [text] : visible(text);
        return h(`span.${kind}`, kind === "sign" && (text === ":" || text === ",") ? `${text} ` : shown);
    });
    return h("div.line", { vars: { "--indent": Math.min(indent, DEPTH) } }, parts);
}
