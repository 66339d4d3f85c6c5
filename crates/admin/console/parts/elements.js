// Small pieces that every screen uses.

import { announce } from "../core/announce.js";
import { h } from "../core/dom.js";
import { ago, fullTime, time } from "../core/format.js";

/** States and what they mean to the eye. The word is always there: color alone says nothing. */
const TONES = {
    returned: "good", ok: "good", ready: "good", allowed: "good", approved: "good", active: "good", closed: "good", used: "good", same: "good", pinned: "good", reused: "good", promoted: "good",
    raised: "bad", failed: "bad", stopped: "bad", denied: "bad", fault: "bad", refused: "bad", failing: "bad", open: "bad", unauthorized: "bad", "budget-exhausted": "bad",
    revoked: "bad", withheld: "bad", changed: "bad", departed: "bad", rejected: "bad", error: "bad", void: "bad", invalid: "bad",
    slow: "warm", held: "warm", parked: "warm", pending: "warm", "awaiting-approval": "warm", "needs-approval": "warm", starting: "warm", "half-open": "warm", new: "warm",
    proposed: "warm", differs: "warm", completed: "good", note: "warm",
};
const SIGNS = { good: "✓", bad: "✕", warm: "◆", plain: "•" };

/** A state as a word with a sign. */
export function badge(state, text = state) {
    const tone = TONES[state] ?? "plain";
    return h("span.badge", { class: `is-${tone}` }, h("span.sign", { "aria-hidden": "true" }, SIGNS[tone]), text.replaceAll("-", " "));
}

/** A point in time, exact in its title. */
export function when(ms, { relative = false } = {}) {
    return h("time", { datetime: ms ? fullTime(ms) : undefined, title: fullTime(ms) }, relative ? ago(ms) : time(ms));
}

export function button(label, run, { kind = "", key, ...rest } = {}) {
    return h("button.button", { type: "button", class: kind, on: { click: run }, "aria-keyshortcuts": key, ...rest }, label, key && h("kbd", { "aria-hidden": "true" }, key));
}

/** Copies `text` byte for byte: what is selected in the page has marks in it. */
export function copyButton(text, label = "Copy") {
    const copy = async () => {
        try {
            await navigator.clipboard.writeText(text);
            announce("Copied");
            element.textContent = "Copied";
        } catch {
            element.textContent = "Copying is not allowed here";
        }
        setTimeout(() => { element.textContent = label; }, 1500);
    };
    const element = button(label, copy, { kind: "is-quiet" });
    return element;
}

/** Terms and their descriptions, those without a value left out. A third element `"wide"` gives one a row of its own. */
export function facts(pairs) {
    const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
    return h("dl.facts", shown.map(([term, value, width]) => h("div", { class: width === "wide" ? "is-wide" : "" }, h("dt", term), h("dd", value))));
}

/** A link to a run. */
export function runLink(run) {
    return h("a.run-id", { href: `/runs/${encodeURIComponent(run)}` }, run);
}

/** A section with a heading of its own. */
export function section(title, { level = 2, id, note, actions, class: name = "" } = {}, ...children) {
    const heading = h(`h${level}`, { id }, title);
    const label = id ? { "aria-labelledby": id } : {};
    return h("section.section", { class: name, ...label }, h("div.section-head", heading, note && h("p.note", note), actions && h("div.actions", actions)), children);
}

export function empty(title, text) {
    return h("div.empty", h("p.empty-title", title), text && h("p", text));
}

export function failure(error, again) {
    const text = error?.message ?? "Something went wrong in the console.";
    return h("div.failure", { role: "alert" }, h("p", text), again && button("Try again", again));
}

/** A table: `columns` are `{title, class, cell(row), head}`; a row header is the column with `head`. */
export function table(caption, columns, rows, { row = () => ({}), class: name = "" } = {}) {
    const head = h("tr", columns.map((column) => h("th", { scope: "col", class: column.class }, column.title)));
    const body = rows.map((one) => h("tr", row(one), columns.map((column) => cell(column, one))));
    return h("div.table-frame", { role: "group", "aria-label": caption, tabindex: "0" },
        h("table", { class: name }, h("caption.visually-hidden", caption), h("thead", head), h("tbody", body)));
}

function cell(column, one) {
    const content = column.cell(one);
    const label = { data: { label: column.title } };
    return column.head ? h("th", { scope: "row", class: column.class, ...label }, content) : h("td", { class: column.class, ...label }, content);
}

/** Something that opens: the content is made when it is opened first. */
export function disclosure(summary, content, { open = false, class: name = "" } = {}) {
    const details = h("details", { class: name, open }, h("summary", summary));
    const make = () => details.childElementCount === 1 && details.append(h("div.disclosed", content()));
    if (open) make();
    details.addEventListener("toggle", () => details.open && make());
    return details;
}
