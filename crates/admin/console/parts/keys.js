// Making keys. A secret is shown once, in the page that made it.

import { announce } from "../core/announce.js";
import { post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { visibleName } from "../core/visible.js";
import { copyButton, disclosure, failure } from "./elements.js";

const DAY_MS = 86_400_000;

export function newKey(roles, changed) {
    return disclosure("New key…", () => {
        const name = h("input", { id: "key-name", required: true, autocomplete: "off", spellcheck: "false" });
        const role = h("select", { id: "key-role" }, roles.map((one) => h("option", { value: one.name }, one.name)));
        const days = h("input", { id: "key-days", type: "number", min: "1", max: "3650", value: "90" });
        const outcome = h("div");
        const create = async (event) => {
            event.preventDefault();
            try {
                const made = await post("/keys", { name: name.value.trim(), role: role.value, expires_ms: Date.now() + Number(days.value) * DAY_MS });
                await changed();
                document.querySelector("#keys")?.closest("section")?.append(secretBox(made));
                announce("Key created. Its secret is shown once.");
            } catch (error) {
                replace(outcome, failure(error));
            }
        };
        return h("form.form-row.panel", { on: { submit: create } }, h("div.field", h("label", { for: "key-name" }, "Name"), name), h("div.field", h("label", { for: "key-role" }, "Role"), role),
            h("div.field", h("label", { for: "key-days" }, "Expires in days"), days), h("button.button.is-primary", { type: "submit" }, "Create"), outcome);
    });
}

/** The secret of a key, which is not shown again. */
export function secretBox({ name, secret }) {
    return h("div.secret", { role: "group", "aria-label": "Secret" }, h("p", "The secret of ", visibleName(name), " is not shown again:"), h("p", h("code", secret)), copyButton(secret, "Copy the secret"));
}
