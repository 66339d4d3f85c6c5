// One server: its state, its tools with their pins, the stub as the model sees it, and its log.

import { announce } from "../core/announce.js";
import { get, path, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { date, duration, number, percent, plural } from "../core/format.js";
import { visible, visibleName } from "../core/visible.js";
import { diffBlock } from "../parts/diff.js";
import { badge, button, copyButton, disclosure, empty, facts, failure, section } from "../parts/elements.js";
import { scriptBlock } from "../parts/script.js";

const LOG_LINES = 200;

export async function show({ main, params, signal, title }) {
    title(params.name);
    const name = params.name;
    const { items } = await get("/servers", {}, { signal });
    const server = items.find((one) => one.name === name);
    if (!server) {
        main.append(h("h1", "Server"), empty("No such server", "The configuration has none of this name."));
        return;
    }
    const toolPlace = h("div");
    const stubPlace = h("div");
    main.append(...header(server), toolPlace, stubPlace, log(name, signal));
    const readTools = async () => {
        const [tools, pins] = await Promise.all([get(`/tools${path(name)}`, {}, { signal }), get(`/tools${path(name, "pins")}`, {}, { signal }).catch(() => null)]);
        replace(toolPlace, toolList(name, tools, pins, readTools));
    };
    const readStub = async () => replace(stubPlace, stub(await get(`/tools${path(name, "stub")}`, {}, { signal })));
    const shown = (place, read) => read().catch((error) => !signal.aborted && replace(place, failure(error, () => shown(place, read))));
    await Promise.all([shown(toolPlace, readTools), shown(stubPlace, readStub)]);
}

function header(server) {
    const reconnect = async () => {
        await post(`/servers${path(server.name, "reconnect")}`).then(() => announce("Reconnecting"), (error) => announce(error.message, { urgent: true }));
    };
    return [
        h("header.page-head", h("p.crumb", h("a", { href: "/servers" }, "Servers")), h("h1", visibleName(server.name)), badge(server.state),
            h("div.actions", button("Reconnect", reconnect), h("a.button", { href: `/runs?server=${encodeURIComponent(server.name)}` }, "Its runs"))),
        ...[server.why, ...(server.warnings ?? [])].filter(Boolean).map((text) => h("p.warning", visible(text))),
        facts([
            ["Breaker", server.breaker && badge(server.breaker)],
            ["Mode", server.mode],
            ["Transport", server.transport],
            ["Protocol", server.era],
            ["Calls, 24 h", number(server.calls)],
            ["Errors", server.errors ? `${number(server.errors)}, ${percent(server.errors, server.calls)}` : number(server.errors)],
            ["p50", server.p50_ms !== null && server.p50_ms !== undefined && duration(server.p50_ms)],
            ["p95", server.p95_ms !== null && server.p95_ms !== undefined && duration(server.p95_ms)],
        ]),
    ];
}

function toolList(server, { items, tokens = sum(items) }, pins, changed) {
    const pinned = new Map((pins?.items ?? []).map((pin) => [pin.tool, pin]));
    const waiting = (pins?.items ?? []).filter(({ state }) => state === "changed" || state === "new");
    const acceptAll = waiting.length > 1 && button(`Accept all ${waiting.length} as they are listed now`, () => accept(server, {}, changed));
    const gone = (pins?.items ?? []).filter(({ state }) => state === "gone");
    return section("Tools", { id: "tools", note: `${number(items.length)} tools, ${number(tokens)} tokens`, actions: acceptAll },
        pins?.trouble && h("p.warning", visible(pins.trouble)),
        h("ul", items.map((tool) => h("li.tool", toolEntry(server, tool, pinned.get(tool.name), changed)))),
        gone.length > 0 && h("p.quiet", "Pinned, and not listed any more: ", gone.flatMap(({ tool }, index) => [index ? ", " : "", visibleName(tool)])));
}

function sum(items) {
    return items.reduce((total, tool) => total + (tool.tokens ?? 0), 0);
}

function toolEntry(server, tool, pin, changed) {
    const hints = [tool.read_only && "read only, as it says", tool.destructive && "destructive, as it says"].filter(Boolean).join(", ");
    const numbers = [tool.tokens !== null && tool.tokens !== undefined && `${number(tool.tokens)} tokens`, tool.calls ? plural(tool.calls, "call") : "no calls", tool.p95_ms !== null && tool.p95_ms !== undefined && `p50 ${duration(tool.p50_ms)}, p95 ${duration(tool.p95_ms)}`].filter(Boolean).join(" · ");
    const state = pin?.withheld ? "withheld" : pin?.state;
    return [
        h("div.tool-head", h("h3", h("code", visibleName(tool.name))), tool.policy && badge(tool.policy), state && state !== "pinned" && badge(state, pin.withheld ? `${pin.state}, withheld` : state), h("span.numbers", numbers)),
        tool.title && h("p", visible(tool.title)),
        tool.description && h("p.tool-text", visible(tool.description)),
        hints && h("p.hints", hints),
        pin && state !== "pinned" && pinChange(server, tool, pin, changed),
    ];
}

function pinChange(server, tool, pin, changed) {
    return h("div.pin",
        (pin.findings ?? []).length > 0 && h("ul.reasons", pin.findings.map((finding) => h("li.warning", visible(finding)))),
        (pin.parts ?? []).map(({ part, before, now }) => [h("p.quiet", `${part}, pinned ${date(pin.pinned_ms)} and now`), diffBlock(before, now, `${part} of ${tool.name}`)]),
        h("p.editor-actions", button("Accept as it is listed now", () => accept(server, { tool: tool.name, digest: pin.digest }, changed), { "aria-label": `Accept as it is listed now: ${tool.name}` }), pin.digest && h("span.quiet", "digest ", h("code", pin.digest))));
}

async function accept(server, body, changed) {
    try {
        await post(`/tools${path(server, "accept")}`, body);
        announce("Accepted");
        await changed();
    } catch (error) {
        announce(error.message, { urgent: true });
    }
}

function stub({ text, tokens }) {
    return section("Stub, as the model sees it", { id: "stub", note: `${number(tokens)} tokens`, actions: copyButton(text) }, disclosure("Show the stub", () => scriptBlock(text, { label: "Stub" })));
}

function log(name, signal) {
    const place = h("div");
    const read = async () => {
        const { lines } = await get(`/servers${path(name, "log")}`, { lines: LOG_LINES }, { signal });
        replace(place, lines.length ? h("pre.code", { tabindex: "0", "aria-label": "Log of the server" }, visible(lines.join("\n"), { tabs: true })) : h("p.quiet", "It printed nothing."));
    };
    const show = () => read().catch((error) => !signal.aborted && replace(place, failure(error, show)));
    show();
    return section("Log", { id: "log", note: "what it printed last", actions: button("Read again", show, { kind: "is-quiet" }) }, place);
}
