// What clients would have paid with every schema in their context, and what they paid.

import { get } from "../core/api.js";
import { h } from "../core/dom.js";
import { number, percent, short } from "../core/format.js";
import { empty } from "../parts/elements.js";
import { dayBars } from "../parts/plot.js";

const DAYS = 30;

export async function show({ main, signal, title }) {
    title("Tokens");
    const { items, schema_tokens: schemas, meta_tokens: meta } = await get("/tokens/daily", { days: DAYS }, { signal });
    const sum = (name) => items.reduce((total, day) => total + (day[name] ?? 0), 0);
    const [would, paid] = [sum("would"), sum("paid")];
    main.append(h("header.page-head", h("h1", "Tokens")),
        h("p.lead", `What clients would have paid with the schemas of all tools in their context and every answer passing through it, and what they paid, in the last ${DAYS} days.`));
    if (!would) {
        main.append(empty("Nothing yet", "Runs of clients are counted here, by day."));
        return;
    }
    main.append(
        h("div.figures", figure(percent(would - paid, would), "less than with schemas in context"), figure(short(paid), "tokens paid"), figure(short(would), "tokens otherwise"),
            meta !== undefined && figure(number(meta), "tokens of the meta-tools, on every turn"), schemas !== undefined && figure(number(schemas), "tokens of all schemas")),
        dayBars("Tokens per day", items, [{ name: "with schemas in context", value: (day) => day.would, class: "is-muted" }, { name: "paid", value: (day) => day.paid, class: "" }], short),
        dayBars("Paid per day", items, [{ name: "paid", value: (day) => day.paid, class: "" }], short));
}

function figure(value, label) {
    return h("div.figure", h("p.figure-value", value), h("p.figure-label", label));
}
