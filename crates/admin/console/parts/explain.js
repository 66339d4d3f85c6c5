// Why a principal may see or call a tool, or may not.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { visible } from "../core/visible.js";
import { badge, failure, section } from "./elements.js";

export function explainForm(keys, query, signal) {
    const principals = h("datalist", { id: "explain-principals" }, ["operator", ...keys.map(({ name }) => `key:${name}`)].map((value) => h("option", { value })));
    const fields = {
        principal: h("input", { id: "explain-principal", list: "explain-principals", required: true, autocomplete: "off", value: query.principal ?? "" }),
        server: h("input", { id: "explain-server", required: true, autocomplete: "off", value: query.server ?? "" }),
        tool: h("input", { id: "explain-tool", required: true, autocomplete: "off", value: query.tool ?? "" }),
    };
    const outcome = h("div.outcome", { role: "status" });
    const explain = async (event) => {
        event?.preventDefault();
        try {
            replace(outcome, told(await get("/explain", Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value.trim()])), { signal })));
        } catch (error) {
            replace(outcome, failure(error));
        }
    };
    if (query.principal && query.server && query.tool) explain();
    return section("May it?", { id: "explain", note: "Who sees and calls what, and why" }, h("div.panel",
        h("form.form-row", { on: { submit: explain } }, [["principal", "Principal"], ["server", "Server"], ["tool", "Tool"]].map(([name, label]) => h("div.field", h("label", { for: `explain-${name}` }, label), fields[name])),
            principals, h("button.button.is-primary", { type: "submit" }, "Explain")),
        outcome));
}

function told({ visible: isVisible, decision, rules = [] }) {
    const state = isVisible === false ? "not-visible" : decision;
    return [h("p", badge(state), isVisible === false && h("span.quiet", " It does not exist for this principal.")), h("ul.rules", rules.map((rule) => h("li", h("code", visible(rule)))))];
}
