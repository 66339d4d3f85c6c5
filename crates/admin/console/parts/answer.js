// Approving and denying. An answer carries the digest of what the card shows, so that it covers nothing else.

import { announce } from "../core/announce.js";
import { path, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { bytes } from "../core/format.js";
import { bind } from "../core/keys.js";
import { button, failure } from "./elements.js";
import { guard } from "./guard.js";

/** `{element, watch}`: `watch(end)` takes the element behind all that must have been seen. */
export function answerBar(approval, { signal, answered, changed }) {
    const problem = h("div");
    if (approval.state !== "pending") return { watch: () => {}, element: null };
    if (approval.may_answer === false) {
        return { watch: () => {}, element: h("p.warning", approval.may_not_why ?? "Who asks cannot answer.") };
    }

    const reason = h("input", { id: "reason", type: "text", maxlength: "500", autocomplete: "off", placeholder: "Reason (optional)" });
    const { watch, isArmed, lets } = guard(signal);
    let isSending = false;
    const send = async (verdict) => {
        if (isSending || !isArmed()) return;
        if (verdict === "approve" && !(await lets(`The card goes on below what you have seen (${bytes(approval.arguments_bytes)} of arguments).`, "Approve"))) return;
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
        h("div.answer-reason", h("label.visually-hidden", { for: "reason" }, "Reason (optional)"), reason),
        h("div.answer-buttons", button("Deny", () => send("deny"), { kind: "is-deny", key: "d" }), button("Approve", () => send("approve"), { kind: "is-primary", key: "a" })),
        problem);
    return { element, watch };
}
