// Writing a script: the findings of the pre-pass stand beside it while it is written; then it runs as a role.

import { announce } from "../core/announce.js";
import { get, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { plural } from "../core/format.js";
import { bind } from "../core/keys.js";
import { go } from "../core/router.js";
import { toolName, visible } from "../core/visible.js";
import { editor } from "../parts/editor.js";
import { badge, button, failure } from "../parts/elements.js";

const PAUSE_MS = 400;
const PATIENCE_MS = 600_000;
const KEPT = "exuvia.try";
const FIRST = "# What is in `result` at the end is the answer.\nresult = sum(range(10))\n";

export async function show({ main, signal, title }) {
    title("Try");
    const role = h("select", { id: "role" }, h("option", { value: "" }, "operator"));
    const findings = h("div", { role: "status", "aria-label": "Findings" });
    const outcome = h("div");
    let check = new AbortController();
    let waiting = null;
    const { element, field, mark } = editor(kept(), { id: "script", label: "Script", rows: 20, changed: () => later() });
    const ask = () => ({ code: field.value, ...(role.value ? { role: role.value } : {}) });
    const look = async () => {
        check.abort();
        check = new AbortController();
        keep(field.value);
        try {
            const told = await post("/try/check", ask(), { signal: AbortSignal.any([signal, check.signal]) });
            mark((told.findings ?? []).filter(({ severity }) => severity !== "note").map(({ line }) => line));
            replace(findings, verdict(told, field));
        } catch (error) {
            if (!check.signal.aborted && !signal.aborted) replace(findings, failure(error, look));
        }
    };
    const later = () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => !signal.aborted && look(), PAUSE_MS);
    };
    const run = async () => {
        runButton.disabled = true;
        replace(outcome, h("p.quiet", { role: "status" }, "Running…"));
        try {
            const { run: id, report } = await post("/try/run", ask(), { signal, patience: PATIENCE_MS });
            announce("The run is over");
            if (id) go(`/runs/${encodeURIComponent(id)}`);
            else replace(outcome, h("pre.code", { tabindex: "0", "aria-label": "Report" }, visible(report ?? "")));
        } catch (error) {
            if (!signal.aborted) replace(outcome, failure(error));
        }
        runButton.disabled = false;
    };
    role.addEventListener("change", look);
    const runButton = button("Run", run, { kind: "is-primary", key: "Ctrl Enter", "aria-keyshortcuts": "Control+Enter" });
    field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        run();
    });
    bind(signal, "e", "Write the script", () => field.focus());
    main.append(h("header.page-head", h("h1", "Try a script")),
        h("p.lead", "It runs against the real servers, under the policy and the limits of the role, and is recorded like any other."),
        h("div.try", h("div", element, h("div.editor-actions", runButton, h("label", { for: "role" }, "as"), h("span.short-field", role)), outcome), h("section", { "aria-label": "Findings" }, findings)));
    get("/roles", {}, { signal }).then(({ items }) => role.append(...items.map(({ name }) => h("option", { value: name }, name))), () => {});
    await look();
}

function verdict({ verdict: state, message, findings = [], tools = [], reasons = [], allow = [] }, field) {
    return [
        h("p", badge(state), message && h("span.quiet", " ", visible(message))),
        findings.length > 0 && h("ul.findings", findings.map(({ line, message: text, severity }) => h("li", { class: severity === "note" ? "" : "is-error" }, button(`Line ${line}`, () => toLine(field, line), { kind: "is-quiet" }), " ", visible(text)))),
        tools.length > 0 && h("div.section", h("h2", "Tools that it may call"), h("ul.try-tools", tools.map((tool) => h("li", h("span", toolName(tool.server, tool.tool), tool.lines?.length ? h("span.quiet", ` line ${tool.lines.join(", ")}`) : ""), tool.standing && badge(tool.standing))))),
        allow.length > 0 && h("div.section", h("h2", "This would allow it"), h("pre.code", { tabindex: "0", "aria-label": "Configuration" }, visible(allow.join("\n")))),
        reasons.length > 0 && h("div.section", h("h2", `Not predictable: ${plural(reasons.length, "place")}`), h("ul.reasons", reasons.map(({ line, text }) => h("li", `Line ${line}: `, visible(text))))),
    ];
}

function toLine(field, line) {
    const lines = field.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    field.focus();
    field.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
}

function kept() {
    try {
        return sessionStorage.getItem(KEPT) ?? FIRST;
    } catch {
        return FIRST;
    }
}

function keep(code) {
    try {
        sessionStorage.setItem(KEPT, code);
    } catch {
        // It stays in the page.
    }
}
