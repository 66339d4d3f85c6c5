// The card of an approval: everything that the answer is about, in full, and the answer.

import { h } from "../core/dom.js";
import { bytes, duration, plural } from "../core/format.js";
import { isPlainName, toolName, visible, visibleName } from "../core/visible.js";
import { answerBar } from "./answer.js";
import { badge, copyButton, disclosure, facts, runLink, section, when } from "./elements.js";
import { jsonBlock } from "./json.js";
import { scriptBlock } from "./script.js";
import { suggestions } from "./suggestion.js";

/** `together` are the other approvals of the run; `answered` and `changed` are called after an answer and where another one was first. */
export function card(approval, together, actions) {
    const bar = answerBar(approval, actions);
    const end = h("div.card-end");
    bar.watch(end);
    return h("article.card", { "aria-labelledby": "card-title" },
        head(approval, actions),
        approval.arguments !== null && approval.arguments !== undefined && approval.tool && argumentsOf(approval),
        heldTogether(together),
        scriptOf(approval),
        end,
        bar.element,
        suggestions(approval.choices));
}

function head(approval, { isScoped = false }) {
    const { server, tool, principal, role, profile, rule, created_ms: created, expires_ms: expires, state, run, answer } = approval;
    const name = tool ? toolName(server, tool) : "the start of a script";
    const isOdd = tool && !(isPlainName(server) && isPlainName(tool));
    return [
        h("p.card-kicker", state === "pending" ? "Asks to call" : "Asked to call", state !== "pending" && [" ", badge(state)]),
        h("h2.card-title", { id: "card-title", tabindex: "-1" }, name),
        isOdd && h("p.warning", "This name has characters that are not ASCII, and may look like another name. They are marked."),
        approval.may_have_happened && h("p.warning", "It was sent before, and what came of it is unknown: it may have happened already."),
        approval.void_reason && h("p.warning", "Void: ", visible(approval.void_reason)),
        approval.tool_description && h("p.card-description", visible(approval.tool_description)),
        facts([
            ["Principal", [visibleName(principal ?? "?"), role && h("span.quiet", " role ", visibleName(role)), profile && profile !== role && h("span.quiet", " profile ", visibleName(profile))]],
            ["Asked", [when(created, { relative: state === "pending" }), state === "pending" && expires && h("span.quiet", expires > Date.now() ? ` ends in ${duration(expires - Date.now())}` : " ends now")]],
            ["Answered", answer && [`${state === "denied" ? "denied" : "approved"} by ${answer.by} (${answer.channel}), `, when(answer.at_ms), answer.reason && [": ", visible(answer.reason)]], "wide"],
            ["Run", run && (isScoped ? h("span.run-id", run) : runLink(run))],
            ["Because", rule && h("code.rule", visible(rule)), "wide"],
        ]),
    ];
}

function reason(one) {
    return typeof one === "string" ? visible(one) : [`Line ${one.line}: `, visible(one.reason)];
}

function argumentsOf(approval) {
    const text = approval.arguments;
    const size = approval.arguments_bytes ?? new TextEncoder().encode(text).length;
    const lines = h("div", jsonBlock(text, { label: "Arguments" }));
    const exact = h("input", { type: "checkbox", id: "exact" });
    exact.addEventListener("change", () => lines.replaceChildren(jsonBlock(text, { exact: exact.checked, label: "Arguments" })));
    return section("Arguments", {
        id: "card-arguments", level: 3, note: `${bytes(size)}, in full`,
        actions: [h("span.check", exact, h("label", { for: "exact" }, "exactly as sent")), copyButton(text)],
    }, lines);
}

function heldTogether(together) {
    const waiting = together.filter(({ state }) => state === "pending");
    if (!waiting.length) return null;
    const items = waiting.map((one) => h("li", h("a", { href: `/approve/${encodeURIComponent(one.id)}` }, one.tool ? toolName(one.server, one.tool) : "start"),
        one.line ? h("span.quiet", ` line ${one.line}`) : "", h("span.quiet", ` ${bytes(one.arguments_bytes)} of arguments`)));
    return section(`Held with it: ${plural(waiting.length, "call")}`, { id: "card-together", level: 3, note: "Each has an answer of its own." }, h("ul.together", items));
}

function scriptOf(approval) {
    const { script, line, calls_of_script: calls, unpredicted } = approval;
    if (!script) return null;
    const beside = new Map();
    for (const call of calls) {
        const nodes = beside.get(call.line) ?? [];
        const isThis = call.line === line && call.server === approval.server && call.tool === approval.tool;
        nodes.push(h("span.beside-call", { class: isThis ? "is-this" : "" }, toolName(call.server, call.tool), call.state && h("span.quiet", ` ${call.state.replaceAll("-", " ")}`)));
        beside.set(call.line, nodes);
    }
    const note = line ? `line ${line} waits` : plural(calls.length, "call");
    return section("Script", { id: "card-script", level: 3, note, actions: copyButton(script) },
        scriptBlock(script, { beside, marked: new Set(line ? [line] : []) }),
        unpredicted.length > 0 && disclosure(`Not predictable: ${plural(unpredicted.length, "place")}`, () => h("ul.reasons", unpredicted.map((one) => h("li", reason(one)))), { open: true }));
}
