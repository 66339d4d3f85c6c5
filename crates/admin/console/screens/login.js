// The login: by the link of `exuvia console`, by a code typed by hand, or by the link of an approval.

import { post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { failure } from "../parts/elements.js";

/** The session that the token in the address opens, where it has one. The token leaves the address at once. */
export async function sessionOfLink() {
    const inHash = new URLSearchParams(location.hash.slice(1));
    const inQuery = new URLSearchParams(location.search);
    const approval = /^\/approve\/([^/]+)$/.exec(location.pathname)?.[1];
    const token = inHash.get("t") ?? inQuery.get("t");
    if (!approval || !token) return null;
    history.replaceState(null, "", location.pathname);
    return post("/session", { approval: decodeURIComponent(approval), token }).catch(() => null);
}

export function login(root, { query }, opened) {
    document.title = "Log in · Exuvia";
    const to = /^\/(?![/\\])/.test(query.to ?? "") ? query.to : "/";
    const code = new URLSearchParams(location.hash.slice(1)).get("code");
    const field = h("input", { id: "code", type: "password", autocomplete: "off", spellcheck: "false", autocapitalize: "off", required: true, "aria-describedby": "code-help" });
    const problem = h("div", { role: "alert" });
    const enter = async (value) => {
        replace(problem);
        try {
            opened(await post("/session", { code: value }), to);
        } catch (error) {
            replace(problem, failure(error.status === 401 ? new Error("This code is used or too old. Run the command again.") : error));
            field.focus();
        }
    };
    const submit = (event) => {
        event.preventDefault();
        enter(field.value.trim());
    };
    replace(root, h("main.login", { id: "main", tabindex: "-1" },
        h("span.brand-mark", { "aria-hidden": "true" }),
        h("h1", "Exuvia"),
        h("p", { id: "code-help" }, "Open the console with ", h("code", "exuvia console"), ". It logs you in. Or paste a one-time code or the admin token here."),
        h("form", { on: { submit } }, h("label", { for: "code" }, "Code"), field, h("button.button.is-primary", { type: "submit" }, "Log in")),
        problem));
    if (code) {
        history.replaceState(null, "", location.pathname + location.search);
        enter(code);
    } else {
        field.focus();
    }
}
