// One run: the script with its calls beside the lines that made them, and everything else that is recorded of it.

import { announce } from "../core/announce.js";
import { get, path, post, remove } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { follow } from "../core/events.js";
import { bytes, cost, duration, number, plural } from "../core/format.js";
import { bind } from "../core/keys.js";
import * as records from "../core/records.js";
import { go } from "../core/router.js";
import { visible, visibleName } from "../core/visible.js";
import { callsBeside } from "../parts/calls.js";
import { ask } from "../parts/dialog.js";
import { badge, button, copyButton, disclosure, empty, facts, section, when } from "../parts/elements.js";
import { jsonBlock } from "../parts/json.js";
import { replayPanel } from "../parts/replay.js";
import { scriptBlock } from "../parts/script.js";
import { peak, waterfall } from "../parts/waterfall.js";

export async function show({ main, params, signal, title, session }) {
    title("Run");
    const place = h("div");
    main.append(place);
    let shownAs = null;
    const read = async () => {
        const record = records.record(await get(`/runs${path(params.id)}`, {}, { signal }));
        const state = JSON.stringify([record.run.outcome, record.calls.map((call) => [call.id, call.state])]);
        if (state === shownAs) return record;
        shownAs = state;
        replace(place, page(record, { signal, read, session }));
        return record;
    };
    try {
        const record = await read();
        if (!records.isOver(record.run)) follow("/runs/events", ["started", "ended", "held", "answered"], { signal, changed: read });
    } catch (error) {
        if (error.status !== 404) throw error;
        main.append(h("h1", "Run"), empty("No such run", "It was erased or expired, or the link is incomplete."));
    }
}

function page(record, { signal, read, session }) {
    const { run, script, calls, result, error, log } = record;
    const { element, replay } = replayPanel(record);
    if (replay) bind(signal, "p", "Replay the run", replay);
    const beside = script ? callsBeside(record) : new Map();
    const unplaced = script ? beside.get(0) : callsBeside({ ...record, calls: calls.map((call) => ({ ...call, line: 0 })) }).get(0);
    const failed = new Set(error?.line ? [error.line] : []);
    return [
        header(record, { replay, read, session }),
        error && problem(error),
        script
            ? section("Script", { id: "script", note: `${plural(calls.length, "call")}, each beside its line`, actions: copyButton(script), class: "run-script" }, scriptBlock(script, { beside, marked: failed }))
            : h("p.quiet.no-script", record.erased ? "The script was erased." : run.kind === "direct" ? "A client called the tool itself: there is no script." : "The script is not recorded."),
        unplaced && section("Calls without a line", { level: 3 }, unplaced),
        h("div.columns",
            section("Result", { id: "result", actions: result && copyButton(result) }, result ? jsonBlock(result, { label: "Result" }) : h("p.quiet", "None.")),
            section("Log", { id: "log", note: record.log_dropped_bytes ? `${bytes(record.log_dropped_bytes)} more were not kept` : "" }, log ? h("pre.code", { tabindex: "0", "aria-label": "Log" }, visible(log, { tabs: true })) : h("p.quiet", "Nothing was printed."))),
        record.calls_left_out > 0 && h("p.warning", `${number(record.calls_left_out)} more calls are not listed.`),
        calls.length > 0 && section("Waterfall", { id: "waterfall", note: `at most ${peak(calls)} at a time` }, waterfall(record)),
        section("Replay", { id: "replay" }, element),
        h("div.columns", section("Usage", { id: "usage" }, usage(record)), section("Decision", { id: "decision" }, decision(record))),
    ];
}

function header(record, { replay, read, session }) {
    const { run, claims, trace_url: trace, trace_id: traceId } = record;
    const isOver = records.isOver(run);
    const cancel = async () => {
        await post(`/runs${path(run.id, "cancel")}`).then(() => announce("Cancelled"), (error) => announce(error.message, { urgent: true }));
        await read();
    };
    const erase = async () => {
        const sure = await ask("Erase this run?", h("p", "Its script, arguments, answers, result and log are erased for good. The log still proves that the run was there."), [{ label: "Keep it", value: "no" }, { label: "Erase", value: "yes", kind: "is-deny" }]);
        if (sure !== "yes") return;
        await remove(`/runs${path(run.id)}`).then(() => go("/runs"), (error) => announce(error.message, { urgent: true }));
    };
    const isWhole = !session.scope;
    return [
        h("header.page-head",
            h("p.crumb", h("a", { href: "/runs" }, "Runs")),
            h("h1.run-title", run.id),
            badge(run.outcome),
            isWhole && h("div.actions", replay && button("Replay", replay, { key: "p" }), !isOver && button("Cancel the run", cancel, { kind: "is-deny" }), isOver && !record.erased && button("Erase…", erase))),
        facts([
            ["Principal", visibleName(run.principal)],
            ["Profile", run.profile && visibleName(run.profile)],
            ["Started", when(run.started_ms)],
            ["Took", run.wall_ms !== null && run.wall_ms !== undefined && duration(run.wall_ms)],
            ["Calls", run.failed_calls ? `${number(run.calls)}, ${number(run.failed_calls)} failed` : number(run.calls)],
            ["Client, as it says", claims?.name && visible([claims.name, claims.version].filter(Boolean).join(" "))],
            ["Model, as it says", claims?.model && visible(claims.model)],
            ["Trace", traceId && (/^https?:\/\//.test(trace ?? "") ? h("a", { href: trace, rel: "noreferrer noopener", target: "_blank" }, traceId) : h("code", traceId)), "wide"],
        ]),
    ];
}

function problem({ kind, message, line, traceback, hint }) {
    return h("div.problem", h("p", h("strong", visible(kind ?? "error")), line ? ` on line ${line}` : ""), h("p.problem-text", visible(message ?? "")), hint && h("p", visible(hint)),
        traceback && disclosure("Traceback", () => h("pre.code", { tabindex: "0", "aria-label": "Traceback" }, visible(traceback))));
}

function usage({ usage: used, limits = {} }) {
    const of = (name) => (limits?.[name] ? ` of ${number(limits[name])}` : "");
    return facts([
        ["Fuel", used && number(used.fuel) + of("fuel"), "wide"],
        ["Memory, peak", used && bytes(used.memory_bytes_peak)],
        ["Active time", used && duration(used.wall_ms) + (limits?.wall_ms ? ` of ${duration(limits.wall_ms)}` : "")],
        ["Calls", used && number(used.tool_calls) + of("tool_calls")],
        ["Cost", used?.cost && cost(used.cost)],
    ]);
}

function decision({ decision: decided, rejected, findings = [] }) {
    const rules = typeof decided === "string" ? [decided] : decided?.rules ?? [];
    return [
        decided?.verdict && h("p", badge(decided.verdict)),
        rules.length === 0 && !decided?.verdict && h("p.quiet", "Not recorded."),
        rules.length > 0 && h("ul.rules", rules.map((rule) => h("li", h("code", visible(rule))))),
        rejected && h("p", badge("rejected"), " ", visible(rejected)),
        findings.length > 0 && [h("h3", "Findings of the pre-pass"), h("ul.rules", findings.map((finding) => h("li", visible(finding))))],
    ];
}

