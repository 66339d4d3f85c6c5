// Modal dialogs: a question with its answers, and the list of keys.

import { h } from "../core/dom.js";
import { areOn, bindings, turn } from "../core/keys.js";
import { button } from "./elements.js";

/** Asks, and is resolved with the chosen value; with null where the dialog was closed. */
export function ask(title, content, answers) {
    return new Promise((resolve) => {
        const dialog = open(title, content, (close) => answers.map(({ label, value, kind }) => button(label, () => close(value), { kind })));
        dialog.addEventListener("close", () => resolve(answers.find(({ value }) => String(value) === dialog.returnValue)?.value ?? null));
    });
}

/** What the keys do here. */
export function showKeys() {
    const seen = new Set();
    const rows = bindings().filter(({ keys }) => !seen.has(keys) && seen.add(keys));
    const toggle = h("input", { type: "checkbox", id: "keys-on", checked: areOn(), on: { change: (event) => turn(event.target.checked) } });
    const list = h("dl.keys", rows.map(({ keys, label }) => h("div", h("dt", keys.split(" ").map((key) => h("kbd", key))), h("dd", label))));
    const content = [list, h("p.check", toggle, h("label", { for: "keys-on" }, "Single-key shortcuts"))];
    open("Shortcuts", content, (close) => [button("Close", () => close(""))]);
}

function open(title, content, actions) {
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" });
    const close = (value) => dialog.close(String(value));
    dialog.append(h("h2", { id: "dialog-title" }, title), h("div.dialog-content", content), h("div.dialog-actions", actions(close)));
    const before = document.activeElement;
    dialog.addEventListener("close", () => {
        dialog.remove();
        if (before?.isConnected) before.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
}
