// What budgets have left.

import { h } from "../core/dom.js";
import { cost, number, percent, short, time } from "../core/format.js";
import { visible, visibleName } from "../core/visible.js";
import { badge, empty, section } from "./elements.js";
import { meter } from "./plot.js";

export function budgetList(items) {
    if (!items.length) return section("Budgets", { id: "budgets" }, empty("No budgets", "[budgets] of the configuration limits what keys, users and roles use."));
    return section("Budgets", { id: "budgets" }, h("ul", items.map((budget) => h("li.budget", entry(budget)))));
}

function entry({ budget, action, period, each, who, counters = [] }) {
    const isSpent = counters.some(({ used, limit }) => Number(used) >= Number(limit));
    const scope = [period && `each ${period}`, ...[who ?? []].flat(), each === true ? "each for itself" : each === false ? "all together" : null];
    return [
        h("div.budget-head", h("h3", visibleName(budget)), isSpent && badge(action === "report" ? "warm" : "budget-exhausted", action === "report" ? "exceeded, reported" : "exhausted"),
            h("span.quiet", scope.filter(Boolean).flatMap((text, index) => [index ? " · " : "", visible(text)]))),
        counters.map((one) => counter(one)),
    ];
}

function counter({ principal, quantity, used, limit, until_ms: until }) {
    const [spent, most] = [Number(used), Number(limit)];
    const amount = quantity === "cost" ? cost : quantity === "fuel" ? short : number;
    const text = `${amount(spent)} of ${amount(most)}`;
    return h("div.counter", h("span", quantity, principal && [" ", visibleName(principal)]), meter(spent, most, `${quantity}: ${text}`), h("span", text, h("span.quiet", ` · ${percent(spent, most)}${until ? `, until ${time(until)}` : ""}`)));
}
