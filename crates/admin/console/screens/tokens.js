// What clients would have paid with every schema in their context, and what they paid.

import { get } from "../core/api.js";
import { h } from "../core/dom.js";
import { number, percent, short } from "../core/format.js";
import { empty, section, table } from "../parts/elements.js";
import { dayBars } from "../parts/plot.js";

const DAYS = 30;
/** What is paid, and what would have been, by the names that the API has for the parts. */
const PAID = [["definitions", "Definitions of the meta-tools and of direct tools, on every turn"], ["discovery", "Questions about tools, and their answers"], ["scripts", "Scripts"], ["results", "Results, logs and errors of scripts"], ["direct", "Calls that clients made themselves"]];
const WOULD = [["definitions", "Definitions of all tools, on a turn for each call"], ["calls", "Arguments and answers of every call"]];

export async function show({ main, signal, title }) {
    title("Tokens");
    const { items, schema_tokens: schemas, meta_tokens: meta } = await get("/tokens/daily", { days: DAYS }, { signal });
    const sum = (name) => items.reduce((total, day) => total + (day[name] ?? 0), 0);
    const [would, paid] = [sum("would"), sum("paid")];
    main.append(h("header.page-head", h("h1", "Tokens")),
        h("p.lead", `What clients would have paid with the schemas of all tools in their context and every answer passing through it, and what they paid, in the last ${DAYS} days.`));
    if (!would && !paid) {
        main.append(empty("Nothing yet", "Runs of clients are counted here, by day."));
        return;
    }
    main.append(
        h("div.figures", figure(percent(would - paid, would), "less than with schemas in context"), figure(short(paid), "tokens paid"), figure(short(would), "tokens otherwise"),
            meta !== undefined && figure(number(meta), "tokens of the meta-tools, on every turn"), schemas !== undefined && figure(number(schemas), "tokens of all schemas")),
        h("div.columns", parts("What was paid", items, "paid_parts", PAID), parts("What would have been", items, "would_parts", WOULD)),
        dayBars("Tokens per day", items, [{ name: "with schemas in context", value: (day) => day.would, class: "is-muted" }, { name: "paid", value: (day) => day.paid, class: "" }], short),
        dayBars("Paid per day", items, [{ name: "paid", value: (day) => day.paid, class: "" }], short));
}

function parts(title, items, name, labels) {
    const rows = labels.map(([part, label]) => ({ label, tokens: items.reduce((total, day) => total + (day[name]?.[part] ?? 0), 0) }));
    const all = rows.reduce((total, { tokens }) => total + tokens, 0);
    return section(title, {}, table(title, [
        { title: "Of what", head: true, cell: ({ label }) => label },
        { title: "Tokens", class: "is-number", cell: ({ tokens }) => number(tokens) },
        { title: "Part", class: "is-number", cell: ({ tokens }) => percent(tokens, all) },
    ], rows));
}

function figure(value, label) {
    return h("div.figure", h("p.figure-value", value), h("p.figure-label", label));
}
