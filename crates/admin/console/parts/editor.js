// A field for a script, with line numbers. Tab leaves it, as everywhere: Ctrl+] and Ctrl+[ indent.

import { h, replace } from "../core/dom.js";

const INDENT = "    ";

/** `{element, field, mark(lines)}`. */
export function editor(value, { id = "code", label = "Script", rows = 16, changed = () => {} } = {}) {
    const gutter = h("div.gutter", { "aria-hidden": "true" });
    const field = h("textarea", { id, rows: String(rows), spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": label, "aria-keyshortcuts": "Control+] Control+[" });
    field.value = value;
    let marked = new Set();
    const number = () => {
        const count = field.value.split("\n").length;
        replace(gutter, Array.from({ length: count }, (_, index) => h("div", { class: marked.has(index + 1) ? "is-marked" : "" }, String(index + 1))));
    };
    field.addEventListener("input", () => {
        number();
        changed(field.value);
    });
    field.addEventListener("scroll", () => { gutter.scrollTop = field.scrollTop; });
    field.addEventListener("keydown", (event) => {
        if (!event.ctrlKey || (event.key !== "]" && event.key !== "[")) return;
        event.preventDefault();
        indent(field, event.key === "]");
        field.dispatchEvent(new Event("input"));
    });
    number();
    const mark = (lines) => {
        marked = new Set(lines);
        number();
    };
    return { element: h("div.editor", gutter, field), field, mark };
}

function indent(field, deeper) {
    const { selectionStart: start, selectionEnd: end, value } = field;
    const from = value.lastIndexOf("\n", start - 1) + 1;
    const lines = value.slice(from, end).split("\n");
    const moved = lines.map((line) => (deeper ? INDENT + line : line.replace(/^ {1,4}/, ""))).join("\n");
    field.setRangeText(moved, from, end, "end");
    if (start === end) field.setSelectionRange(Math.max(from, start + moved.length - (end - from)), Math.max(from, start + moved.length - (end - from)));
    else field.setSelectionRange(from, from + moved.length);
}
