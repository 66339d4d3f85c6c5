// Keys, roles and budgets: who may see and call what, and why, and what is used of it.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { cost, date, number, short } from "../core/format.js";
import { visible, visibleName } from "../core/visible.js";
import { budgetList } from "../parts/budgets.js";
import { badge, empty, failure, section, table, when } from "../parts/elements.js";
import { explainForm } from "../parts/explain.js";
import { newKey } from "../parts/keys.js";
import { dayBars } from "../parts/plot.js";

const DAYS = 30;

export async function show({ main, query, signal, title }) {
    title("Access");
    main.append(h("header.page-head", h("h1", "Access"), h("div.actions", h("a.button", { href: "/access/policy" }, "Try a policy change"))));
    const places = Object.fromEntries(["explain", "keys", "roles", "budgets", "usage"].map((name) => [name, h("div")]));
    main.append(...Object.values(places));
    const load = (place, read) => read().then((node) => !signal.aborted && replace(place, node), (error) => !signal.aborted && replace(place, failure(error, () => load(place, read))));
    const keys = get("/keys", {}, { signal });
    const roles = get("/roles", {}, { signal });
    const readKeys = async () => keySection((await get("/keys", {}, { signal })).items, (await roles).items, () => load(places.keys, readKeys));
    await Promise.all([
        load(places.explain, async () => explainForm((await keys).items, query, signal)),
        load(places.keys, readKeys),
        load(places.roles, async () => roleSection((await roles).items)),
        load(places.budgets, async () => budgetList((await get("/budgets", {}, { signal })).items)),
        load(places.usage, () => usageSection(signal)),
    ]);
}

function keySection(items, roles, changed) {
    const rows = table("Keys", [
        { title: "Key", head: true, cell: ({ name }) => h("a.row-link", { href: `/access/keys/${encodeURIComponent(name)}` }, visibleName(name)) },
        { title: "Role", cell: ({ role }) => visibleName(role ?? "–") },
        { title: "State", cell: ({ state }) => badge(state) },
        { title: "Kind", cell: ({ kind }) => kind },
        { title: "Created", cell: (key) => date(key.created_ms) },
        { title: "Expires", cell: (key) => (key.expires_ms ? when(key.expires_ms) : "never") },
        { title: "Labels", class: "is-wide", cell: ({ labels }) => Object.entries(labels ?? {}).map(([name, value]) => h("div", visible(`${name}=${value}`))) },
    ], items, { row: () => ({ class: "is-link" }) });
    return section("Keys", { id: "keys", note: `${number(items.length)}` }, items.length ? rows : empty("No keys", "Without roles, every client of the loopback port is the operator."), newKey(roles, changed));
}

function roleSection(items) {
    const patterns = (list) => (list === null ? "everything" : list?.length ? list.flatMap((one, index) => [index ? ", " : "", h("code", visible(one))]) : "–");
    const limits = (role) => Object.entries(role.limits ?? {}).map(([name, value]) => `${name} ${number(value)}`).join(", ") || "–";
    const rows = table("Roles", [
        { title: "Role", head: true, cell: ({ name }) => visibleName(name) },
        { title: "Sees", class: "is-wide", cell: ({ tools, visible_tools: count }) => [patterns(tools), count !== null && count !== undefined && h("span.quiet", ` ${number(count)} tools`)] },
        { title: "Runs without asking", class: "is-wide", cell: (role) => (role.auto_execute === null ? "as its servers say" : patterns(role.auto_execute)) },
        { title: "Denies", class: "is-wide", cell: (role) => patterns(role.deny) },
        { title: "Limits", cell: limits },
        { title: "Approves", cell: (role) => (role.approve_by ?? []).join(", ") || "–" },
        { title: "Keys", class: "is-number", cell: (role) => number(role.keys) },
    ], items);
    return section("Roles", { id: "roles" }, items.length ? rows : empty("No roles", "[roles] of the configuration says what a key sees and calls."));
}

async function usageSection(signal) {
    const { items: days } = await get("/usage/daily", { days: DAYS }, { signal });
    const place = h("div");
    const choose = async (by) => {
        const { items } = await get("/usage", { by, since: Date.now() - DAYS * 86_400_000 }, { signal });
        replace(place, usageTable(items, by));
    };
    const select = h("select", { id: "usage-by", on: { change: () => choose(select.value).catch((error) => replace(place, failure(error))) } }, ["principal", "server", "tool"].map((by) => h("option", { value: by }, by)));
    await choose("principal");
    return section("Consumption", { id: "usage", note: `the last ${DAYS} days` },
        h("div.columns",
            dayBars("Runs", days, [{ name: "runs", value: (day) => day.runs, class: "" }, { name: "failed", value: (day) => day.failed_runs, class: "is-bad" }], short),
            dayBars("Calls", days, [{ name: "calls", value: (day) => day.calls, class: "" }, { name: "failed", value: (day) => day.failed_calls, class: "is-bad" }], short),
            dayBars("Fuel", days, [{ name: "fuel", value: (day) => day.fuel, class: "" }], short),
            dayBars("Cost", days, [{ name: "cost", value: (day) => Number(day.cost), class: "" }], short)),
        h("div.field.usage-by", h("label", { for: "usage-by" }, "By"), select), place);
}

function usageTable(items, by) {
    return table(`Consumption by ${by}`, [
        { title: by, head: true, cell: ({ name }) => visibleName(name) },
        { title: "Runs", class: "is-number", cell: (one) => number(one.runs) },
        { title: "Calls", class: "is-number", cell: (one) => number(one.calls) },
        { title: "Failed", class: "is-number", cell: (one) => number(one.failed_calls) },
        { title: "Fuel", class: "is-number", cell: (one) => short(one.fuel) },
        { title: "Cost", class: "is-number", cell: (one) => cost(one.cost) },
    ], items);
}
