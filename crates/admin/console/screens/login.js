// The login: by the link of `exuvia console`, by a code typed by hand, or by the link of an approval.

import { post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { session } from "../core/records.js";
import { failure } from "../parts/elements.js";

const USED = "This code is used or too old. Run the command again.";
let isLinkUsed = false;

/** The session that the code in the address opens: of `exuvia console`, or of the link of an approval. It leaves the address at once. */
export async function sessionOfLink() {
    const inHash = new URLSearchParams(location.hash.slice(1));
    const code = inHash.get("code") ?? inHash.get("t") ?? new URLSearchParams(location.search).get("t");
    if (!code) return null;
    const to = new URLSearchParams(location.search).get("to");
    history.replaceState(null, "", location.pathname === "/login" ? safe(to) : location.pathname);
    return post("/session", { code }).then(session, () => {
        isLinkUsed = true;
        return null;
    });
}

/** A path of the console, from text that came with the address. */
function safe(to) {
    return /^\/(?![/\\])/.test(to ?? "") && !to.startsWith("/login") ? to : "/";
}

export function login(root, { query }, opened) {
    document.title = "Log in · Exuvia";
    const to = safe(query.to ?? location.pathname + location.search);
    const field = h("input", { id: "code", type: "password", autocomplete: "off", spellcheck: "false", autocapitalize: "off", required: true, "aria-describedby": "code-help" });
    const problem = h("div", isLinkUsed && failure(new Error(USED)));
    isLinkUsed = false;
    const enter = async (value) => {
        replace(problem);
        try {
            opened(session(await post("/session", { code: value })), to);
        } catch (error) {
            replace(problem, failure(error.status === 401 ? new Error(USED) : error));
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
    field.focus();
}
