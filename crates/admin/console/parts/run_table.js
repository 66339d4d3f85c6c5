// Runs in a table. Slow and failed are two things: a run can be either, both or neither.

import { h } from "../core/dom.js";
import { duration, number } from "../core/format.js";
import { visible, visibleName } from "../core/visible.js";
import { badge, table, when } from "./elements.js";
import { DEFAULT_SLOW_MS } from "./run_filter.js";

const MOST_TOOLS = 3;

export function runTable(caption, items, slowMs = DEFAULT_SLOW_MS) {
    const longest = Math.max(1, ...items.map((run) => run.wall_ms ?? 0));
    const isSlow = (run) => (run.wall_ms ?? 0) >= slowMs;
    return table(caption, [
        { title: "Started", head: true, class: "is-narrow", cell: (run) => h("a.row-link", { href: `/runs/${encodeURIComponent(run.id)}`, data: { id: run.id } }, when(run.started_ms)) },
        { title: "Outcome", class: "is-narrow", cell: (run) => badge(run.outcome) },
        { title: "Principal", cell: (run) => [visibleName(run.principal ?? "?"), run.profile && h("span.quiet", " ", visibleName(run.profile))] },
        { title: "Tools", cell: (run) => [tools(run), run.error && h("span.why", visible(run.error))] },
        { title: "Calls", class: "is-number", cell: (run) => (run.failed_calls ? h("span", number(run.calls), h("span.quiet", ` ${number(run.failed_calls)} failed`)) : number(run.calls)) },
        { title: "Time", class: "is-number", cell: (run) => time(run, isSlow(run), longest) },
    ], items, { class: "runs", row: (run) => ({ class: isSlow(run) ? "is-link is-slow" : "is-link" }) });
}

function tools(run) {
    const all = run.tools ?? [];
    const shown = all.slice(0, MOST_TOOLS).map((name) => visibleName(name));
    return h("span.tools", run.kind === "direct" && h("span.quiet", "direct call"), shown, all.length > MOST_TOOLS && h("span.quiet", `+${all.length - MOST_TOOLS}`));
}

function time(run, isSlow, longest) {
    if (run.wall_ms === null || run.wall_ms === undefined) return h("span.quiet", run.outcome === "running" ? "in flight" : "–");
    // A square root, so that short runs have a length too.
    const part = `${Math.round(100 * Math.sqrt(run.wall_ms / longest))}%`;
    return h("span", isSlow && h("span.is-slow-text", "slow "), duration(run.wall_ms), h("span.time-bar", { "aria-hidden": "true" }, h("span", { vars: { "--part": part } })));
}
