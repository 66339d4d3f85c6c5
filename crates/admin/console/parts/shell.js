// What stands around every screen: the navigation, the theme, who acts.

import { h, replace, set } from "../core/dom.js";
import { get } from "../core/api.js";
import { follow } from "../core/events.js";
import { bind } from "../core/keys.js";
import { go } from "../core/router.js";
import { showKeys } from "./dialog.js";
import { button } from "./elements.js";

const PLACES = [
    { to: "/approvals", name: "Approvals", key: "g a", screens: ["approvals", "question"] },
    { to: "/runs", name: "Runs", key: "g r", screens: ["runs", "run"] },
    { to: "/servers", name: "Servers", key: "g s", screens: ["servers", "server"] },
    { to: "/access", name: "Access", key: "g k", screens: ["access", "key", "policy"] },
    { to: "/try", name: "Try", key: "g t", screens: ["try"] },
    { to: "/functions", name: "Functions", key: "g u", screens: ["functions"] },
    { to: "/files", name: "Files", key: "g f", screens: ["files"] },
    { to: "/tokens", name: "Tokens", key: "g d", screens: ["tokens"] },
];
const THEMES = ["system", "light", "dark"];

/** Builds the shell in `root`. A session that is for one run has no navigation. */
export function mountShell(root, session, logOut) {
    const life = new AbortController();
    const isWhole = !session.scope;
    const count = h("span.count", { hidden: true });
    const links = PLACES.map((place) => [place, h("a", { href: place.to }, place.name, place.to === "/approvals" && count)]);
    const main = h("main", { id: "main", tabindex: "-1" });
    const side = h("div.side-foot",
        h("p.who", h("span.who-label", "Signed in as "), session.principal ?? "operator"),
        h("div.side-actions", themeButton(), isWhole && button("Shortcuts", showKeys, { kind: "is-quiet is-shortcuts", key: "?" }), isWhole && button("Log out", logOut, { kind: "is-quiet" })));
    const nav = isWhole && h("nav", { "aria-label": "Screens" }, h("ul", links.map(([, link]) => h("li", link))));
    const header = h("header.side", h("a.brand", { href: isWhole ? "/approvals" : location.pathname }, h("span.brand-mark", { "aria-hidden": "true" }), "Exuvia", session.version && h("span.version", session.version)), nav, side);
    replace(root, h("div.shell", { class: isWhole ? "" : "is-scoped" }, header, main));

    if (isWhole) {
        for (const { key, to, name } of PLACES) bind(life.signal, key, `Go to ${name}`, () => go(to));
        bind(life.signal, "?", "Show the shortcuts", showKeys);
        countWaiting(count, life.signal);
    }
    return {
        main,
        waiting: (number, isMore) => showCount(count, number, isMore),
        enter: (screen) => {
            for (const [place, link] of links) set(link, { "aria-current": place.screens.includes(screen) ? "page" : "false" });
        },
        title: (text) => { document.title = `${text} · Exuvia`; },
        focus: () => {
            const heading = main.querySelector("h1");
            heading?.setAttribute("tabindex", "-1");
            (heading ?? main).focus({ preventScroll: true });
            window.scrollTo(0, 0);
        },
        remove: () => life.abort(),
    };
}

function countWaiting(count, signal) {
    const changed = async () => {
        const { items, next } = await get("/approvals", { state: "pending", limit: 100 }, { signal });
        showCount(count, items.length, next !== null && next !== undefined);
    };
    follow("/approvals/events", ["held", "answered", "expired", "void"], { signal, changed });
    changed().catch(() => {});
}

function showCount(count, number, isMore = false) {
    count.hidden = number === 0;
    replace(count, `${number}${isMore ? "+" : ""}`, h("span.visually-hidden", " waiting"));
}

function themeButton() {
    const root = document.documentElement;
    const label = () => `Theme: ${root.dataset.theme ?? "system"}`;
    const change = () => {
        const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "system") + 1) % THEMES.length];
        if (next === "system") delete root.dataset.theme;
        else root.dataset.theme = next;
        try {
            localStorage.setItem("exuvia.theme", next);
        } catch {
            // It holds for this page.
        }
        element.textContent = label();
    };
    const element = button(label(), change, { kind: "is-quiet" });
    return element;
}
