// The calls of a run beside the lines that made them: outcome, latency, size, and the part of the run's time that each took.
// Arguments and values are read when somebody opens a call.

import { get, path } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { bytes, cost, duration } from "../core/format.js";
import { jsonText } from "../core/records.js";
import { toolName, visible } from "../core/visible.js";
import { copyButton, facts, failure, section } from "./elements.js";
import { jsonBlock } from "./json.js";

/** So many calls of one line are shown at first. */
const FIRST = 8;
const SIGNS = { ok: "✓", reused: "✓", failed: "✕", refused: "✕", held: "◆", running: "…", unknown: "?" };
const TONES = { ok: "good", reused: "good", failed: "bad", refused: "bad", held: "warm", running: "warm", unknown: "warm" };

/** From the start of a run to the end of its last call, in milliseconds. */
export function spanOf(run, calls) {
    const ends = calls.map((call) => call.started_ms - run.started_ms + (call.ms ?? 0));
    return Math.max(1, run.wall_ms ?? 0, ...ends);
}

/** Where a call lies in the span, for CSS. */
export function barVars(call, run, span) {
    const from = Math.min(100, Math.max(0, (100 * (call.started_ms - run.started_ms)) / span));
    const length = call.ms === null || call.ms === undefined ? 100 - from : (100 * call.ms) / span;
    return { "--from": `${from}%`, "--length": `${Math.min(length, 100 - from)}%` };
}

/** For each line its calls: what `scriptBlock` takes as `beside`. Calls without a line are under 0. */
export function callsBeside(record) {
    const span = spanOf(record.run, record.calls);
    const lines = Map.groupBy(record.calls, ({ line }) => line ?? 0);
    return new Map([...lines].map(([line, calls]) => [line, list(calls, record, span)]));
}

function list(calls, record, span) {
    const rows = calls.slice(0, FIRST).map((call) => row(call, record, span));
    const element = h("ul.calls", rows);
    if (calls.length > FIRST) {
        const more = h("li", h("button.button.is-quiet", { type: "button", on: { click: () => more.replaceWith(...calls.slice(FIRST).map((call) => row(call, record, span))) } }, `${calls.length - FIRST} more calls`));
        element.append(more);
    }
    return element;
}

export function row(call, record, span) {
    const { run } = record;
    const id = `call-${call.id}-${span === 0 ? "list" : "line"}`;
    const detail = h("div.call-detail", { id, hidden: true });
    const toggle = h("button.call", { type: "button", "aria-expanded": "false", "aria-controls": id, class: `is-${TONES[call.state] ?? "warm"}` },
        h("span.sign", { "aria-hidden": "true" }, SIGNS[call.state] ?? "?"),
        h("span.call-tool", h("span.call-number", `#${call.id} `), toolName(call.server, call.tool), h("span.visually-hidden", ` ${call.state}`)),
        h("span.call-track", { "aria-hidden": "true" }, h("span.call-bar", { vars: barVars(call, run, Math.max(span, 1)) })),
        h("span.call-time", call.state === "held" ? "waits" : duration(call.ms)),
        h("span.call-size", bytes(call.value_bytes)));
    toggle.addEventListener("click", () => {
        detail.hidden = !detail.hidden;
        toggle.setAttribute("aria-expanded", String(!detail.hidden));
        if (!detail.hidden && !detail.childElementCount) load(detail, call, run);
    });
    return h("li", toggle, detail);
}

async function load(detail, call, run) {
    replace(detail, h("p.quiet", "Reading…"));
    try {
        const whole = await get(`/runs${path(run.id, "calls", String(call.n ?? call.id))}`);
        replace(detail, about(call), content("Arguments", jsonText(whole.arguments), whole.arguments_bytes), content("Value", jsonText(whole.value), whole.value_bytes),
            whole.redacted && h("p.quiet", "Parts are redacted by the configuration."), whole.cut && h("p.warning", "Too long to show: this is its beginning."));
    } catch (error) {
        replace(detail, failure(error, () => load(detail, call, run)));
    }
}

function about(call) {
    return facts([
        ["Code", call.code],
        ["Error", call.error && visible(call.error), "wide"],
        ["Decided by", call.rule && h("code", visible(call.rule)), "wide"],
        ["Cost", call.cost && cost(call.cost)],
        ["Approval", call.approval && h("a", { href: `/approve/${encodeURIComponent(call.approval)}` }, "card")],
    ]);
}

function content(title, text, size) {
    if (text === null || text === undefined) return null;
    return section(title, { level: 3, note: bytes(size ?? text.length), actions: copyButton(text) }, jsonBlock(text, { label: title }));
}
