// Saved functions: all texts, and one of them with what it changes. Promoting covers the text that is shown and nothing else.

import { announce } from "../core/announce.js";
import { get, path, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { plural } from "../core/format.js";
import { bind } from "../core/keys.js";
import { visible, visibleName } from "../core/visible.js";
import { ask } from "../parts/dialog.js";
import { diffBlock } from "../parts/diff.js";
import { badge, button, copyButton, empty, facts, failure, runLink, section, table, when } from "../parts/elements.js";
import { guard } from "../parts/guard.js";
import { scriptBlock } from "../parts/script.js";

/** How many digits of a digest are shown in tables. */
const DIGITS = 12;

export async function show(view) {
    return view.params.name ? showFunction(view) : showAll(view);
}

async function showAll({ main, signal, title }) {
    title("Functions");
    const { items } = await get("/functions", {}, { signal });
    main.append(h("header.page-head", h("h1", "Functions")), h("p.lead", "What scripts call as functions.NAME: exactly the texts that are promoted."));
    if (!items.length) {
        main.append(empty("No functions", "See [functions] of the configuration."));
        return;
    }
    main.append(table("Functions", [
        { title: "Name", head: true, cell: ({ name, sha256 }) => (sha256 ? h("a.row-link", { href: address(name, sha256) }, visibleName(name)) : visibleName(name)) },
        { title: "State", cell: ({ state }) => badge(state) },
        { title: "Version", class: "is-number", cell: ({ version }) => (version === null ? "–" : String(version)) },
        { title: "Text", cell: ({ sha256 }) => (sha256 ? h("code", sha256.slice(0, DIGITS)) : "–") },
        { title: "From", cell: ({ is_file: isFile }) => (isFile ? "the directory" : "the store") },
        { title: "Note", class: "is-wide", cell: ({ note }) => visible(note) },
    ], items, { row: ({ sha256 }) => ({ class: sha256 ? "is-link" : "" }) }));
}

function address(name, sha256) {
    return `/functions${path(name)}?sha256=${sha256}`;
}

async function showFunction({ main, params, query, signal, title }) {
    const { name } = params;
    title(name);
    const place = h("div");
    main.append(h("header.page-head", h("p.crumb", h("a", { href: "/functions" }, "Functions")), h("h1", visibleName(name))), place);
    // The key and the guard of a card go with it.
    let life = new AbortController();
    const again = async () => {
        life.abort();
        life = new AbortController();
        try {
            const shown = await get(`/functions${path(name)}`, { sha256: query.sha256 }, { signal });
            const changes = await get(`/functions${path(name)}/diff`, { sha256: shown.sha256 }, { signal });
            replace(place, card(shown, changes, { signal: AbortSignal.any([signal, life.signal]), again }));
        } catch (error) {
            if (!signal.aborted) replace(place, error.status === 404 ? empty("No such text", "It was rejected, or its file has changed since.") : failure(error, again));
        }
    };
    await again();
}

function card(shown, { before, after }, actions) {
    const bar = actionBar(shown, actions);
    const end = h("div.card-end");
    bar.watch?.(end);
    return h("article.card", { "aria-labelledby": "card-title" },
        h("h2.card-title", { id: "card-title", tabindex: "-1" }, shown.version === null ? "A text that nobody has promoted" : `Version ${shown.version}`, " ", badge(shown.state)),
        shown.note && h("p.quiet", visible(shown.note)),
        shown.description && h("p.card-description", visible(shown.description)),
        about(shown),
        before && before.sha256 !== after.sha256 && section("What it changes", { id: "changes", level: 3, note: `beside ${before.version === null ? "the promoted text" : `version ${before.version}`}` }, diffBlock(before.source, after.source, "What it changes in the promoted text")),
        section("Text", { id: "text", level: 3, note: plural(shown.source.replace(/\n$/, "").split("\n").length, "line"), actions: copyButton(shown.source) }, scriptBlock(shown.source, { label: "Text" })),
        versions(shown),
        end,
        bar.element);
}

function about({ sha256, tools, grants, is_file: isFile }) {
    const named = (list) => (list.length ? list.flatMap((one, index) => [index ? ", " : "", h("code", visible(one))]) : "nothing");
    return facts([
        ["From", isFile ? "the directory" : "the store"],
        ["SHA-256", h("code.rule", sha256), "wide"],
        ["Its file names", tools && named(tools), "wide"],
        ["May call at most", grants && [named(grants), h("span.quiet", " of these, what its caller may")], "wide"],
    ]);
}

function versions({ name, sha256, versions: all }) {
    if (!all.length) return null;
    const act = (one) => (one ? [visibleName(one.by), " ", when(one.at_ms), one.run && [" in ", runLink(one.run)]] : "–");
    return section("Stored texts", { id: "versions", level: 3 }, table("Stored texts", [
        { title: "Text", head: true, cell: (one) => (one.sha256 === sha256 ? h("span", h("code", one.sha256.slice(0, DIGITS)), " shown here") : h("a", { href: address(name, one.sha256) }, h("code", one.sha256.slice(0, DIGITS)))) },
        { title: "State", cell: ({ state }) => badge(state) },
        { title: "Version", class: "is-number", cell: ({ version }) => (version === null ? "–" : String(version)) },
        { title: "Proposed", cell: ({ proposed }) => act(proposed) },
        { title: "Promoted", cell: ({ promoted }) => act(promoted) },
        { title: "Retired", cell: ({ retired }) => act(retired) },
    ], all));
}

/** `{element, watch}`, as that of an approval's card. */
function actionBar(shown, { signal, again }) {
    const { name, state, sha256 } = shown;
    const problem = h("div");
    const { watch, isArmed, lets } = guard(signal);
    let isSending = false;
    const send = async (action, done) => {
        isSending = true;
        try {
            await post(`/functions${path(name, action)}`, { sha256 });
            announce(done, { urgent: true });
            await again();
        } catch (error) {
            isSending = false;
            if (error.status === 404 || error.status === 409) {
                announce(error.message, { urgent: true });
                await again();
            } else {
                replace(problem, failure(error));
            }
        }
    };
    const promote = async () => {
        if (!isSending && (await lets("The text goes on below what you have seen.", "Promote"))) await send("promote", "Promoted");
    };
    const retire = async () => {
        if (isSending || !isArmed()) return;
        const what = state === "proposed" ? ["Reject it?", "The proposal is removed."] : ["Retire it?", "Scripts cannot call it from then on, those that run included."];
        const answer = await ask(what[0], h("p", h("code", visible(name)), ": ", what[1]), [{ label: "Keep", value: "keep" }, { label: label(state), value: "retire", kind: "is-deny" }]);
        if (answer === "retire") await send("retire", state === "proposed" ? "Rejected" : "Retired");
    };
    const mayRetire = state === "promoted" || state === "proposed";
    if (state !== "promoted") bind(signal, "p", "Promote the text that is shown", promote);
    const element = h("div.answer", { role: "group", "aria-label": "Actions" },
        h("div.answer-buttons",
            mayRetire && button(label(state), retire, { kind: "is-deny" }),
            state !== "promoted" && button("Promote", promote, { kind: "is-primary", key: "p" })),
        problem);
    return { element, watch };
}

function label(state) {
    return state === "proposed" ? "Reject" : "Retire";
}
