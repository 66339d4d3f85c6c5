// Replaying a run, as it was or with an edited script, and what came out differently.

import { announce } from "../core/announce.js";
import { path, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { number } from "../core/format.js";
import { visible } from "../core/visible.js";
import { editor } from "./editor.js";
import { jsonBlock } from "./json.js";
import { badge, button, disclosure, failure, table } from "./elements.js";

/** How long a replay may take, in milliseconds. */
const PATIENCE_MS = 120_000;

/** `{element, replay}`: a panel that shows verdicts, and the action of the button "Replay". */
export function replayPanel(record) {
    const { run, script, replayable, not_replayable_why: why } = record;
    const verdict = h("div", { role: "status" });
    const send = async (code) => {
        replace(verdict, h("p.quiet", "Replaying…"));
        try {
            const told = await post(`/runs${path(run.id, "replay")}`, code === undefined ? {} : { code }, { patience: PATIENCE_MS });
            replace(verdict, shown(told));
            announce(`Replay: ${told.message || told.verdict}`);
        } catch (error) {
            replace(verdict, failure(error));
        }
        verdict.scrollIntoView({ block: "nearest" });
    };
    if (replayable === false) return { element: h("p.quiet", "Cannot be replayed", why ? [": ", visible(why)] : "", "."), replay: null };
    const edit = () => {
        const { element, field } = editor(script ?? "", { id: "edit", label: "Edited script" });
        return [h("p.quiet", "Calls are answered from the record; one that the record has no answer for ends the replay. Nothing is sent to a server."), element,
            h("p.editor-actions", button("Replay with this edit", () => send(field.value), { kind: "is-primary" }))];
    };
    return { element: h("div", verdict, script && disclosure("Replay with an edit…", edit)), replay: () => send() };
}

function shown({ verdict, differs, message, differences = [], changed_files: changed = [], fuel, result, log }) {
    return [
        h("p.verdict", badge(differs ? "differs" : verdict), message && h("span", " ", visible(message)), fuel && h("span.quiet", ` · ${number(fuel)} fuel`)),
        differences.length > 0 && table("Differences", [
            { title: "What", head: true, cell: ({ what }) => what },
            { title: "Recorded", class: "is-wide", cell: ({ recorded }) => h("code", visible(recorded)) },
            { title: "Replayed", class: "is-wide", cell: ({ replayed }) => h("code", visible(replayed)) },
        ], differences),
        changed.length > 0 && h("p.warning", "Changed since the run read it: ", changed.flatMap((file, index) => [index ? ", " : "", h("code", visible(file))])),
        differs && result && [h("h3", "Result of the replay"), jsonBlock(result, { label: "Result of the replay" })],
        differs && log && [h("h3", "Log of the replay"), h("pre.code", { tabindex: "0", "aria-label": "Log of the replay" }, visible(log, { tabs: true }))],
    ];
}
