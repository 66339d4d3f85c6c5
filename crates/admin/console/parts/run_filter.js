// The filters of the list of runs.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";

/** From here on a run counts as slow, in milliseconds. */
export const DEFAULT_SLOW_MS = 5000;

const PAUSE_MS = 250;
const HOUR_MS = 3_600_000;
const SHOWN = [["", "All"], ["running", "In flight"], ["failed", "Failed"], ["slow", "Slow"], ...["returned", "raised", "stopped", "denied", "awaiting-approval", "budget-exhausted", "cancelled", "unavailable", "fault"].map((name) => [name, name.replaceAll("-", " ")])];
const SINCE = [["", "Any time"], ["1", "Last hour"], ["24", "Last day"], ["168", "Last 7 days"], ["720", "Last 30 days"], ["between", "Between…"]];
const SLOW = [["1000", "1 s"], ["5000", "5 s"], ["10000", "10 s"], ["30000", "30 s"]];

/** What the API is asked for. */
export function toApi({ principal, server, tool, show, since, from, to, text, slow }) {
    const query = { principal, server, tool, text };
    if (show === "failed") query.failed = "true";
    else if (show === "slow") query.slow_ms = slow || String(DEFAULT_SLOW_MS);
    else if (show && show !== "running") query.outcome = show;
    if (since === "between") {
        query.since = from && Date.parse(from);
        query.until = to && Date.parse(to);
    } else if (since) {
        query.since = Date.now() - Number(since) * HOUR_MS;
    }
    return query;
}

/** `{element, focus, clear}`; `changed` gets the values that are set. */
export function filterBar(values, changed, signal) {
    const fields = {
        text: h("input", { type: "search", id: "filter-text", placeholder: "Error, tool or run" }),
        principal: h("input", { type: "search", id: "filter-principal", list: "known-principals", placeholder: "key:…" }),
        server: h("input", { type: "search", id: "filter-server", list: "known-servers" }),
        tool: h("input", { type: "search", id: "filter-tool", list: "known-tools" }),
        show: select("filter-show", SHOWN),
        since: select("filter-since", SINCE),
        slow: select("filter-slow", SLOW),
        from: h("input", { type: "datetime-local", id: "filter-from" }),
        to: h("input", { type: "datetime-local", id: "filter-to" }),
    };
    for (const [name, field] of Object.entries(fields)) field.value = values[name] ?? (name === "slow" ? String(DEFAULT_SLOW_MS) : "");
    const between = [labelled("From", fields.from), labelled("To", fields.to)];
    const lists = { principals: h("datalist", { id: "known-principals" }), servers: h("datalist", { id: "known-servers" }), tools: h("datalist", { id: "known-tools" }) };
    const given = () => Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value.trim()]).filter(([name, value]) => value && !(name === "slow" && value === String(DEFAULT_SLOW_MS))));
    let waiting = null;
    const later = () => {
        for (const field of between) field.hidden = fields.since.value !== "between";
        clearTimeout(waiting);
        waiting = setTimeout(() => !signal.aborted && changed(given()), PAUSE_MS);
    };
    const element = h("form.filters", { role: "search", "aria-label": "Filter runs", on: { input: later, submit: (event) => event.preventDefault() } },
        h("div.field.is-wide", h("label", { for: "filter-text" }, "Text"), fields.text), labelled("Show", fields.show), labelled("Principal", fields.principal),
        labelled("Server", fields.server), labelled("Tool", fields.tool), labelled("Time", fields.since), between, labelled("Slow from", fields.slow), Object.values(lists));
    for (const field of between) field.hidden = fields.since.value !== "between";
    suggest(lists, fields, signal);
    return {
        element,
        focus: () => fields.text.focus(),
        clear: () => {
            element.reset();
            for (const [name, field] of Object.entries(fields)) field.value = name === "slow" ? String(DEFAULT_SLOW_MS) : "";
            later();
        },
    };
}

function select(id, options) {
    return h("select", { id }, options.map(([value, label]) => h("option", { value }, label)));
}

function labelled(label, field) {
    return h("div.field", h("label", { for: field.id }, label), field);
}

/** Fills the suggestions: servers and keys at once, the tools of the server that is named. */
function suggest(lists, fields, signal) {
    const options = (list, names) => replace(list, names.map((name) => h("option", { value: name })));
    get("/servers", {}, { signal }).then(({ items }) => options(lists.servers, items.map(({ name }) => name)), () => {});
    get("/keys", {}, { signal }).then(({ items }) => options(lists.principals, ["operator", ...items.map(({ name }) => `key:${name}`)]), () => {});
    const tools = () => fields.server.value && get(`/tools/${encodeURIComponent(fields.server.value)}`, {}, { signal }).then(({ items }) => options(lists.tools, items.map(({ name }) => name)), () => {});
    fields.server.addEventListener("change", tools);
    tools();
}
