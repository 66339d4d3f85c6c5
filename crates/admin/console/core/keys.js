// Keyboard shortcuts. A screen binds keys for as long as it is shown; `?` lists whatever is bound.

/** How long the second key of a sequence may take, in milliseconds. */
const SEQUENCE_MS = 1200;
const SETTING = "exuvia.keys";

const bound = new Set();
let pending = null;

/** Whether single keys do anything. Speech input users may want them off. */
export function areOn() {
    try {
        return localStorage.getItem(SETTING) !== "off";
    } catch {
        return true;
    }
}

export function turn(on) {
    try {
        localStorage.setItem(SETTING, on ? "on" : "off");
    } catch {
        // Without storage they stay on.
    }
}

/** Binds `keys` (`"a"`, or `"g r"` for a sequence) to `run` until `signal` aborts. */
export function bind(signal, keys, label, run) {
    const binding = { keys, label, run };
    bound.add(binding);
    signal?.addEventListener("abort", () => bound.delete(binding));
}

/** What is bound now: `{keys, label}`, the latest first. */
export function bindings() {
    return [...bound].reverse();
}

export function listen() {
    document.addEventListener("keydown", (event) => {
        if (!areOn() || event.defaultPrevented || event.repeat) return;
        if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
        const sequence = pending ? `${pending} ${event.key}` : event.key;
        pending = null;
        const found = bindings().find((binding) => binding.keys === sequence);
        if (found) {
            event.preventDefault();
            found.run(event);
        } else if ([...bound].some((binding) => binding.keys.startsWith(`${event.key} `))) {
            pending = event.key;
            setTimeout(() => { pending = null; }, SEQUENCE_MS);
        }
    });
}

function isTyping(target) {
    return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
