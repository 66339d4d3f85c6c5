// The runs, newest first, a page at a time. The filters are in the address: a filtered list can be linked to.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { follow } from "../core/events.js";
import { bind } from "../core/keys.js";
import { inFlight, summary } from "../core/records.js";
import { setQuery } from "../core/router.js";
import { empty, failure } from "../parts/elements.js";
import { DEFAULT_SLOW_MS, filterBar, toApi } from "../parts/run_filter.js";
import { runTable } from "../parts/run_table.js";
import { rover } from "../parts/rover.js";

const PAGE = 50;

export async function show({ main, query, signal, title }) {
    title("Runs");
    const live = h("span.live", { role: "status" });
    const results = h("div");
    let filter = { ...query };
    let reading = new AbortController();
    const read = async () => {
        reading.abort();
        reading = new AbortController();
        const options = { signal: AbortSignal.any([signal, reading.signal]) };
        try {
            const isLive = filter.show === "running";
            const { items, next } = isLive ? await get("/runs/live", {}, options) : await get("/runs", { ...toApi(filter), limit: PAGE, before: filter.before }, options);
            showRuns(results, items.map(isLive ? inFlight : summary), next, filter);
        } catch (error) {
            if (!options.signal.aborted) replace(results, failure(error, read));
        }
    };
    const changed = (values) => {
        filter = values;
        setQuery(filter);
        read();
    };
    const bar = filterBar(filter, changed, signal);
    main.append(h("header.page-head", h("h1", "Runs"), live), bar.element, results);
    const move = rover(results, "tbody a.row-link");
    bind(signal, "j", "Next run", () => move(1));
    bind(signal, "k", "Previous run", () => move(-1));
    bind(signal, "/", "Filter by text", () => bar.focus());
    bind(signal, "x", "Clear the filters", () => bar.clear());
    if (filter.before) live.textContent = "";
    else follow("/runs/events", ["started", "ended", "held", "answered"], { signal, changed: read, state: (state) => showLive(live, state) });
    await read();
}

function showRuns(results, items, next, filter) {
    const focused = results.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    if (!items.length) {
        replace(results, empty("No runs", Object.keys(filter).length ? "None matches these filters." : "Scripts that clients send appear here."));
        return;
    }
    const rows = runTable("Runs, newest first", items, Number(filter.slow) || DEFAULT_SLOW_MS);
    replace(results, rows, pager(filter, next));
    if (focused) results.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

function pager(filter, next) {
    const { before, ...rest } = filter;
    const link = (values, label) => h("a.button", { href: `/runs?${new URLSearchParams(Object.entries(values).filter(([, value]) => value))}` }, label);
    return h("nav.pager", { "aria-label": "Pages" }, h("span", before ? "Older runs" : "The newest runs"),
        h("span.buttons", before && link(rest, "Newest"), next && link({ ...rest, before: next }, "Older")));
}

function showLive(live, state) {
    live.classList.toggle("is-live", state === "live");
    live.classList.toggle("is-lost", state === "lost");
    live.textContent = state === "live" ? "Live" : "Reconnecting";
}
