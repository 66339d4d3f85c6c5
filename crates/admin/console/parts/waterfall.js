// The calls of a run in the order in which they began, on one time axis: what ran in parallel stands one below the other.

import { h } from "../core/dom.js";
import { duration } from "../core/format.js";
import { toolName } from "../core/visible.js";
import { barVars, spanOf } from "./calls.js";

const FIRST = 60;
const TICKS = 4;

export function waterfall(record) {
    const { run } = record;
    const calls = [...record.calls].sort((one, other) => one.started_ms - other.started_ms);
    const span = spanOf(run, calls);
    const rows = calls.slice(0, FIRST).map((call) => row(call, run, span));
    const list = h("ol.waterfall", rows);
    const more = calls.length > FIRST && h("button.button.is-quiet", { type: "button", on: { click: () => {
        list.append(...calls.slice(FIRST).map((call) => row(call, run, span)));
        more.remove();
    } } }, `${calls.length - FIRST} more calls`);
    return h("div.waterfall-frame", axis(span), list, more);
}

/** The most calls that were under way at the same time. */
export function peak(calls) {
    const edges = calls.flatMap((call) => [[call.started_ms, 1], [call.started_ms + Math.max(call.ms ?? 0, 1), -1]]);
    edges.sort(([at, step], [otherAt, otherStep]) => at - otherAt || step - otherStep);
    let now = 0;
    let most = 0;
    for (const [, step] of edges) {
        now += step;
        most = Math.max(most, now);
    }
    return most;
}

function axis(span) {
    const ticks = Array.from({ length: TICKS + 1 }, (_, index) => h("span", { vars: { "--at": `${(100 * index) / TICKS}%` } }, duration((span * index) / TICKS)));
    return h("div.axis", { "aria-hidden": "true" }, h("div.axis-ticks", ticks));
}

function row(call, run, span) {
    const tone = call.state === "ok" || call.state === "reused" ? "" : call.state === "held" || call.state === "running" ? "is-warm" : "is-bad";
    return h("li", h("span.fall-tool", h("span.call-number", `#${call.id} `), toolName(call.server, call.tool), tone && h("span.visually-hidden", ` ${call.state}`)),
        h("span.fall-track", { class: tone, "aria-hidden": "true" }, h("span.call-bar", { vars: barVars(call, run, span) })),
        h("span.call-time", call.state === "held" ? "waits" : duration(call.ms)));
}
