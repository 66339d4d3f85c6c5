// A change of the policy, tried on recorded runs: what would have been decided otherwise. Nothing is written.

import { get, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { number, plural } from "../core/format.js";
import { toolName, visible, visibleName } from "../core/visible.js";
import { editor } from "../parts/editor.js";
import { badge, button, copyButton, disclosure, empty, failure, runLink, section, table, when } from "../parts/elements.js";

const PATIENCE_MS = 120_000;

export async function show({ main, signal, title }) {
    title("Policy change");
    main.append(h("header.page-head", h("p.crumb", h("a", { href: "/access" }, "Access")), h("h1", "Try a policy change")),
        h("p.lead", "Recorded runs are decided anew under the configuration below, and what would have come out otherwise is listed. Nothing is written, and nothing runs."));
    const { toml, text } = await get("/config", {}, { signal });
    const { element, field } = editor(toml ?? "", { id: "toml", label: "Configuration" });
    const last = h("input", { id: "last", type: "number", min: "1", max: "10000", value: "500" });
    const outcome = h("div.outcome", { role: "status" });
    const decide = async () => {
        replace(outcome, h("p.quiet", "Deciding…"));
        try {
            replace(outcome, told(await post("/policy/dry-run", { toml: field.value, last: Number(last.value) }, { signal, patience: PATIENCE_MS })));
        } catch (error) {
            if (!signal.aborted) replace(outcome, failure(error));
        }
    };
    main.append(section("Configuration", { id: "config", actions: toml && copyButton(toml, "Copy the present one") }, element,
        text && disclosure("The configuration in use", () => h("pre.code", { tabindex: "0", "aria-label": "The configuration in use" }, visible(text))),
        h("div.editor-actions", h("label", { for: "last" }, "Newest runs"), h("span.short-field", last), button("Decide", decide, { kind: "is-primary" }))), outcome);
}

function told({ checked, skipped, runs }) {
    const note = `${plural(checked ?? runs.length, "run")} decided anew, ${number(runs.length)} otherwise${skipped ? `, ${number(skipped)} skipped` : ""}`;
    if (!runs.length) return section("No difference", { note }, empty("Nothing would have changed", "Every recorded run is decided as it was."));
    return section("What would change", { note }, table("Runs that would be decided otherwise", [
        { title: "Run", head: true, cell: ({ id }) => runLink(id) },
        { title: "Started", class: "is-narrow", cell: (run) => when(run.started_ms) },
        { title: "Principal", cell: ({ principal }) => visibleName(principal ?? "?") },
        { title: "Then", cell: ({ then }) => badge(then) },
        { title: "Now", cell: ({ now }) => badge(now) },
        { title: "Calls", class: "is-wide", cell: ({ calls = [] }) => calls.map((call) => h("div", call.line && `line ${call.line}: `, toolName(call.server, call.tool), ` ${call.then} → ${call.now}`)) },
    ], runs));
}
