// The servers: their state and why, how fast and how well they answer, and what their tools cost in tokens.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { duration, number, percent } from "../core/format.js";
import { bind } from "../core/keys.js";
import { visible, visibleName } from "../core/visible.js";
import { badge, empty, table } from "../parts/elements.js";
import { rover } from "../parts/rover.js";

const AGAIN_MS = 10_000;

export async function show({ main, signal, title }) {
    title("Servers");
    const place = h("div");
    main.append(h("header.page-head", h("h1", "Servers")), place);
    const read = async () => {
        const [{ items }, tokens, health] = await Promise.all([get("/servers", {}, { signal }), tokensOf(signal), get("/health", {}, { signal }).catch(() => null)]);
        for (const server of items) server.tokens ??= tokens.get(server.name);
        const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        const problems = [...(health?.problems ?? []), ...(health?.outdated ?? []).map(({ what, why }) => `${what}: ${why}`)];
        replace(place, problems.map((problem) => h("p.warning", visible(problem))), items.length ? list(items) : empty("No servers", "Servers of the configuration appear here."));
        if (focused) place.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    };
    const move = rover(place, "a.row-link");
    bind(signal, "j", "Next server", () => move(1));
    bind(signal, "k", "Previous server", () => move(-1));
    await read();
    const clock = setInterval(() => read().catch(() => {}), AGAIN_MS);
    signal.addEventListener("abort", () => clearInterval(clock));
}

/** What the stubs of each server's tools have, in tokens. */
async function tokensOf(signal) {
    const { items } = await get("/tools", {}, { signal }).catch(() => ({ items: [] }));
    const sums = new Map();
    for (const { server, tokens } of items) sums.set(server, (sums.get(server) ?? 0) + (tokens ?? 0));
    return sums;
}

function list(items) {
    const known = (value) => value !== null && value !== undefined;
    return table("Servers", [
        { title: "Server", head: true, cell: ({ name }) => h("a.row-link", { href: `/servers/${encodeURIComponent(name)}` }, visibleName(name)) },
        { title: "State", cell: ({ state, why }) => [badge(state), why && h("span.why", visible(why))] },
        { title: "Breaker", class: "is-narrow", cell: ({ breaker }) => (breaker ? badge(breaker) : "–") },
        { title: "Tools", class: "is-number", cell: ({ tools }) => number(tools) },
        { title: "Tokens", class: "is-number", cell: ({ tokens }) => number(tokens) },
        { title: "Calls, 24 h", class: "is-number", cell: ({ calls }) => number(calls) },
        { title: "Errors", class: "is-number", cell: ({ errors, calls }) => (errors ? [number(errors), h("span.quiet", ` ${percent(errors, calls)}`)] : number(errors)) },
        { title: "p50", class: "is-number", cell: ({ p50_ms: ms }) => (known(ms) ? duration(ms) : "–") },
        { title: "p95", class: "is-number", cell: ({ p95_ms: ms }) => (known(ms) ? duration(ms) : "–") },
    ], items, { class: "servers", row: () => ({ class: "is-link" }) });
}
