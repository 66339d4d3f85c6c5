// "Always allow": the lines of configuration that would do it, and what each would have allowed. Nothing is written.

import { h } from "../core/dom.js";
import { number, plural } from "../core/format.js";
import { toolName, visible, visibleName } from "../core/visible.js";
import { copyButton, disclosure, table, when } from "./elements.js";

export function suggestions(choices) {
    if (!choices.length) return null;
    return disclosure("Always allow this…", () => [
        h("p.quiet", "Nothing is written from here. To allow it from now on, put the line into the configuration; it is reloaded at once."),
        ...choices.map(choice),
    ], { class: "always" });
}

function choice({ scope, toml, would_have_allowed: calls, would_have_allowed_total: total = calls?.length }) {
    return h("section.choice",
        h("div.section-head", h("h3", visible(scope)), h("div.actions", copyButton(toml))),
        h("pre.code", { tabindex: "0", "aria-label": `Configuration: ${scope}` }, visible(toml)),
        history(calls, total));
}

function history(calls, total) {
    if (total === undefined) return h("p.quiet", "What it would have allowed is not known here. ", h("a", { href: "/access/policy" }, "Decide recorded runs anew"), " with it.");
    if (total === 0) return h("p.quiet", "In the last seven days it would have allowed nothing else.");
    return disclosure(`In the last seven days it would have allowed ${plural(total, "call")}`, () => allowed(calls, total));
}

function allowed(calls, total) {
    const rows = table("Calls that it would have allowed", [
        { title: "Time", class: "is-narrow", cell: (call) => when(call.at_ms) },
        { title: "Principal", cell: (call) => visibleName(call.principal ?? "") },
        { title: "Tool", head: true, cell: (call) => toolName(call.server, call.tool) },
        { title: "Arguments", class: "is-wide", cell: (call) => [h("code", visible(call.arguments_shown ?? "")), call.cut && h("span.quiet", " …")] },
        { title: "Run", cell: (call) => h("a", { href: `/runs/${encodeURIComponent(call.run)}` }, "run") },
    ], calls);
    return [rows, total > calls.length && h("p.quiet", `The newest ${number(calls.length)} of ${number(total)}.`)];
}
