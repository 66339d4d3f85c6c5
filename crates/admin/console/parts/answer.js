// Approving and denying. An answer carries the digest of what the card shows, so that it covers nothing else.

import { announce } from "../core/announce.js";
import { path, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { bytes } from "../core/format.js";
import { bind } from "../core/keys.js";
import { ask } from "./dialog.js";
import { button, failure } from "./elements.js";

/** Keys and buttons do nothing for so long after a card appears: a second key press must not answer the next card. */
const ARM_MS = 700;
/** What the bar covers of the page, in CSS pixels. */
const BAR_PX = 72;

/** `{element, watch}`: `watch(end)` takes the element behind all that must have been seen. */
export function answerBar(approval, { signal, answered, changed }) {
    const problem = h("div");
    let hasSeenAll = false;
    const watch = (end) => {
        const observer = new IntersectionObserver((entries) => {
            if (entries.some(({ isIntersecting }) => isIntersecting)) hasSeenAll = true;
        }, { rootMargin: `0px 0px -${BAR_PX}px 0px` });
        observer.observe(end);
        signal.addEventListener("abort", () => observer.disconnect());
    };
    if (approval.state !== "pending") return { watch: () => {}, element: null };
    if (approval.may_answer === false) {
        return { watch: () => {}, element: h("p.warning", approval.may_not_why ?? "Who asks cannot answer.") };
    }

    const reason = h("input", { id: "reason", type: "text", maxlength: "500", autocomplete: "off", placeholder: "Reason (optional)" });
    const armed = performance.now() + ARM_MS;
    let isSending = false;
    const send = async (verdict) => {
        if (isSending || performance.now() < armed) return;
        if (verdict === "approve" && !hasSeenAll && !(await isMeant(approval))) return;
        isSending = true;
        try {
            await post(`/approvals${path(approval.id, verdict)}`, { shown_sha256: approval.shown_sha256, ...(reason.value ? { reason: reason.value } : {}) });
            announce(verdict === "approve" ? "Approved" : "Denied", { urgent: true });
            await answered();
        } catch (error) {
            isSending = false;
            if (error.status === 409) {
                announce(error.message, { urgent: true });
                await changed();
            } else {
                replace(problem, failure(error));
            }
        }
    };
    bind(signal, "a", "Approve the call that is shown", () => send("approve"));
    bind(signal, "d", "Deny it", () => send("deny"));
    bind(signal, "r", "Write a reason", () => reason.focus());
    const element = h("div.answer", { role: "group", "aria-label": "Answer" },
        h("div.answer-reason", h("label", { for: "reason" }, "Reason"), reason),
        h("div.answer-buttons", button("Deny", () => send("deny"), { kind: "is-deny", key: "d" }), button("Approve", () => send("approve"), { kind: "is-primary", key: "a" })),
        problem);
    return { element, watch };
}

/** Whoever approves without having had the end of the card on the screen is asked once more. */
async function isMeant(approval) {
    const text = `The card goes on below what you have seen (${bytes(approval.arguments_bytes)} of arguments). Approve it all the same?`;
    const answer = await ask("You have not seen all of it", h("p", text), [
        { label: "Go back and read", value: "no", kind: "is-primary" },
        { label: "Approve unread", value: "yes", kind: "is-deny" },
    ]);
    return answer === "yes";
}
