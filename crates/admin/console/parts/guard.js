// Keeps an answer from being given by accident or unread: to an approval, and to the promotion of a function.

import { h } from "../core/dom.js";
import { ask } from "./dialog.js";

/** Keys and buttons do nothing for so long after a card appears: a second key press must not answer the next card. */
const ARM_MS = 700;
/** What the bar covers of the page, in CSS pixels. */
const BAR_PX = 72;

/**
 * `{watch, isArmed, lets}`: `watch(end)` takes the element behind all that must have been seen; `lets(what, label)` is whether the answer may be
 * given, after a question where that was not on the screen: `what` goes on below, and `label` is the answer.
 */
export function guard(signal) {
    const armed = performance.now() + ARM_MS;
    const isArmed = () => performance.now() >= armed;
    let hasSeenAll = false;
    const watch = (end) => {
        const observer = new IntersectionObserver((entries) => {
            if (entries.some(({ isIntersecting }) => isIntersecting)) hasSeenAll = true;
        }, { rootMargin: `0px 0px -${BAR_PX}px 0px` });
        observer.observe(end);
        signal.addEventListener("abort", () => observer.disconnect());
    };
    return { watch, isArmed, lets: async (what, label) => isArmed() && (hasSeenAll || isMeant(what, label)) };
}

/** Whoever answers without having had the end of the card on the screen is asked once more. */
async function isMeant(what, label) {
    const answer = await ask("You have not seen all of it", h("p", `${what} ${label} it all the same?`), [
        { label: "Go back and read", value: "no", kind: "is-primary" },
        { label: `${label} unread`, value: "yes", kind: "is-deny" },
    ]);
    return answer === "yes";
}
