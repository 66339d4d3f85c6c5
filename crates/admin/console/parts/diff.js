// What changed between two texts, line by line.

import { h } from "../core/dom.js";
import { visible } from "../core/visible.js";

/** Beyond so many pairs of lines everything counts as changed. */
const MOST_PAIRS = 1_000_000;

/** `[sign, line]` with `+`, `-` or a space. */
export function diffLines(before, now) {
    const old = before.split("\n");
    const fresh = now.split("\n");
    if (old.length * fresh.length > MOST_PAIRS) return [...old.map((line) => ["-", line]), ...fresh.map((line) => ["+", line])];
    const common = lengths(old, fresh);
    const lines = [];
    let at = 0;
    let to = 0;
    while (at < old.length || to < fresh.length) {
        if (at < old.length && to < fresh.length && old[at] === fresh[to]) {
            lines.push([" ", old[at]]);
            at += 1;
            to += 1;
        } else if (to >= fresh.length || (at < old.length && common[at + 1][to] >= common[at][to + 1])) {
            lines.push(["-", old[at]]);
            at += 1;
        } else {
            lines.push(["+", fresh[to]]);
            to += 1;
        }
    }
    return lines;
}

/** The longest common subsequences of what is left, for each place. */
function lengths(old, fresh) {
    const table = Array.from({ length: old.length + 1 }, () => new Uint32Array(fresh.length + 1));
    for (let at = old.length - 1; at >= 0; at -= 1) {
        for (let to = fresh.length - 1; to >= 0; to -= 1) {
            table[at][to] = old[at] === fresh[to] ? table[at + 1][to + 1] + 1 : Math.max(table[at + 1][to], table[at][to + 1]);
        }
    }
    return table;
}

export function diffBlock(before, now, label) {
    const words = { "+": "added: ", "-": "removed: ", " ": "" };
    const tones = { "+": "is-added", "-": "is-removed", " ": "" };
    const lines = diffLines(before ?? "", now ?? "").map(([sign, line]) => h("div.line", { class: tones[sign] },
        h("span.sign", { "aria-hidden": "true" }, sign), h("span", words[sign] && h("span.visually-hidden", words[sign]), visible(line, { tabs: true }))));
    return h("div.code.diff", { role: "group", "aria-label": label, tabindex: "0" }, lines);
}
