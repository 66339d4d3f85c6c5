// One key: what it is, what it may use, and how it ends.

import { announce } from "../core/announce.js";
import { get, path, post } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { summary } from "../core/records.js";
import { visible, visibleName } from "../core/visible.js";
import { ask } from "../parts/dialog.js";
import { badge, button, empty, facts, section, when } from "../parts/elements.js";
import { explainForm } from "../parts/explain.js";
import { secretBox } from "../parts/keys.js";
import { runTable } from "../parts/run_table.js";

const OVERLAP_MS = 86_400_000;
const RUNS = 10;

export async function show({ main, params, signal, title }) {
    title(params.name);
    const place = h("div");
    main.append(place);
    const read = async () => {
        const key = await get(`/keys${path(params.name)}`, {}, { signal }).catch((error) => {
            if (error.status === 404) return null;
            throw error;
        });
        const runs = key ? (await get("/runs", { principal: `key:${key.name}`, limit: RUNS }, { signal })).items.map(summary) : [];
        replace(place, key ? page(key, runs, read, signal) : [h("h1", "Key"), empty("No such key", "Keys of users come and go with their tokens.")]);
    };
    await read();
}

function page(key, runs, read, signal) {
    const { name, role, kind, state, labels = {}, overrides = [] } = key;
    const principal = `key:${name}`;
    const act = async (action, body, done) => {
        try {
            const told = await post(`/keys${path(name, action)}`, body);
            announce(done);
            await read();
            if (told?.secret) secretPlace()?.append(secretBox(told));
        } catch (error) {
            announce(error.message, { urgent: true });
        }
    };
    const secretPlace = () => document.querySelector(".key-secret");
    const rotate = async () => {
        const overlap = await ask("Rotate this key?", h("p", "It gets a new secret. The old one can hold for a day more, for clients that change later."), [{ label: "Cancel", value: "no" }, { label: "End the old one now", value: "0", kind: "is-deny" }, { label: "Keep it for a day", value: String(OVERLAP_MS), kind: "is-primary" }]);
        if (overlap !== null && overlap !== "no") await act("rotate", { overlap_ms: Number(overlap) }, "Rotated");
    };
    const revoke = async () => {
        const sure = await ask("Revoke this key?", h("p", "It is refused from now on, also at the next call of scripts that run."), [{ label: "Keep it", value: "no" }, { label: "Revoke", value: "yes", kind: "is-deny" }]);
        if (sure === "yes") await act("revoke", {}, "Revoked");
    };
    const isIssued = kind === "issued" && state === "active";
    return [
        h("header.page-head", h("p.crumb", h("a", { href: "/access" }, "Access")), h("h1", visibleName(name)), badge(state),
            h("div.actions", isIssued && button("Rotate…", rotate), isIssued && button("Revoke…", revoke, { kind: "is-deny" }), h("a.button", { href: `/runs?principal=${encodeURIComponent(principal)}` }, "Its runs"))),
        facts([
            ["Role", role && visibleName(role)],
            ["Kind", kind],
            ["Created", key.created_ms && when(key.created_ms)],
            ["Rotated", key.rotated_ms && when(key.rotated_ms)],
            ["Expires", key.expires_ms ? when(key.expires_ms) : "never"],
            ["Labels", Object.keys(labels).length > 0 && Object.entries(labels).map(([label, value]) => h("div", visible(`${label}=${value}`)))],
        ]),
        h("div.key-secret"),
        overrides.length > 0 && section("Other budgets for this key", {}, h("ul.rules", overrides.map((one) => h("li", h("code", visible(JSON.stringify(one))))))),
        explainForm([key], { principal }, signal),
        section("Its newest runs", { id: "runs" }, runs.length ? runTable("Runs of the key", runs) : h("p.quiet", "None.")),
    ];
}
