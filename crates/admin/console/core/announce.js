// What a screen reader is told of changes that happen beside the focus.

import { h } from "./dom.js";

const polite = h("div.visually-hidden", { role: "status", "aria-live": "polite" });
const assertive = h("div.visually-hidden", { role: "alert" });

export function mountAnnouncer(parent) {
    parent.append(polite, assertive);
}

export function announce(text, { urgent = false } = {}) {
    const region = urgent ? assertive : polite;
    region.textContent = "";
    // A region that is set to the same text again is not read again.
    setTimeout(() => { region.textContent = text; }, 50);
}
